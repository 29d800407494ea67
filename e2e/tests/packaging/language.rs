//! The project uses the field's words: names, comments, documentation and messages contain none of the words in `rules.rs`.

mod matcher;
mod rules;
mod rust_source;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use userstream_e2e::rig::repository;

use crate::repository_files::files;
use matcher::{Finding, Matcher};
use rules::{ALLOWED, EXCLUDED};

/// The text files whose words are checked, with their content.
fn checked_files() -> Vec<(String, String)> {
    let paths = files().into_iter().map(|path| path.to_str().expect("paths are UTF-8").to_owned());
    let is_excluded = |path: &String| {
        EXCLUDED.iter().any(|(excluded, _)| path.starts_with(excluded) || path.ends_with(excluded))
    };
    let read = |file: String| {
        // A binary file, such as an image, is not UTF-8.
        let text = fs::read_to_string(repository().join(&file)).ok()?;
        Some((file, text))
    };
    paths.filter(|path| !is_excluded(path)).filter_map(read).collect()
}

/// The findings, a line each, and the allowances that occur.
struct Scan {
    findings: Vec<String>,
    used_allowances: BTreeSet<&'static str>,
}

/// Scans all files, once for all tests.
fn scan() -> &'static Scan {
    static SCAN: OnceLock<Scan> = OnceLock::new();
    SCAN.get_or_init(|| {
        let matcher = Matcher::new();
        let mut scan = Scan { findings: Vec::new(), used_allowances: BTreeSet::new() };
        for (file, text) in checked_files() {
            let found = matcher.matches(&file, &text);
            for Finding { line, phrase, instead } in found.findings {
                let content =
                    line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
                scan.findings.push(format!("{file}:{line}: {phrase} ({instead}) | {}", content.trim()));
            }
            scan.used_allowances.extend(found.used_allowances);
        }
        scan
    })
}

#[test]
fn names_comments_docs_and_messages_use_the_words_of_the_field() {
    let findings = &scan().findings;
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn every_allowed_use_occurs() {
    let unused = ALLOWED.iter().filter(|allowed| !scan().used_allowances.contains(allowed.phrase));
    let unused: Vec<_> = unused.map(|allowed| (allowed.phrase, allowed.reason)).collect();
    assert!(unused.is_empty(), "allowed and never used: {unused:?}");
}
