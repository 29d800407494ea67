//! The table of invalid resources: `tests/resource/bad_resources.txt`.

use std::path::{Path, PathBuf};

/// An invalid resource.
#[derive(Debug)]
pub(crate) struct Case {
    /// What is wrong, in words.
    pub(crate) title: String,
    /// The text of its file.
    pub(crate) yaml: String,
    /// The expected diagnostics.
    pub(crate) expected: Vec<String>,
    /// The lines of the table without the diagnostics.
    source: Vec<String>,
}

/// The table's file.
pub(crate) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/tests/resource/bad_resources.txt")
}

/// The valid base resource, and the invalid ones.
pub(crate) fn cases() -> (String, Vec<Case>) {
    let text = std::fs::read_to_string(file()).unwrap();
    let mut blocks = text.split("\n## ").skip(1);
    let base: String = added(blocks.next().unwrap());
    let cases = blocks.map(|block| case(block, &base)).collect();
    (base, cases)
}

fn case(block: &str, base: &str) -> Case {
    let (title, body) = block.split_once('\n').unwrap();
    let lines: Vec<&str> = body.lines().filter(|line| !line.is_empty()).collect();
    let expected =
        lines.iter().filter_map(|line| line.strip_prefix('>')).map(|line| line.trim().to_owned()).collect();
    let source: Vec<String> =
        lines.iter().filter(|line| !line.starts_with('>')).map(|line| (*line).to_owned()).collect();
    let yaml =
        if source.iter().any(|line| line.starts_with('-')) { changed(base, &source) } else { added(body) };
    Case { title: title.to_owned(), yaml, expected, source }
}

fn added(block: &str) -> String {
    block.lines().filter_map(|line| line.strip_prefix('+')).map(|line| format!("{line}\n")).collect()
}

/// The base with every run of `-` lines replaced by the following run of `+` lines.
fn changed(base: &str, lines: &[String]) -> String {
    let mut text = base.to_owned();
    let mut rest = lines;
    while !rest.is_empty() {
        let (old, tail) = run(rest, '-');
        let (new, tail) = run(tail, '+');
        assert_eq!(text.matches(&old).count(), 1, "this is in the base resource exactly once:\n{old}");
        text = text.replace(&old, &new);
        rest = tail;
    }
    text
}

fn run(lines: &[String], mark: char) -> (String, &[String]) {
    let length = lines.iter().take_while(|line| line.starts_with(mark)).count();
    let (run, tail) = lines.split_at(length);
    (run.iter().map(|line| format!("{}\n", &line[1..])).collect(), tail)
}

/// The table with these diagnostics of each case.
pub(crate) fn table_with(reported: &[Vec<String>]) -> String {
    let text = std::fs::read_to_string(file()).unwrap();
    let (_, cases) = cases();
    let first = cases.first().unwrap();
    let head = text.split(&format!("## {}\n", first.title)).next().unwrap();
    let blocks = cases.iter().zip(reported).map(|(case, reported)| {
        let source: String = case.source.iter().map(|line| format!("{line}\n")).collect();
        let reported: String = reported.iter().map(|line| format!("> {line}\n")).collect();
        format!("## {}\n{source}{reported}", case.title)
    });
    head.to_owned() + &blocks.collect::<Vec<_>>().join("\n")
}

/// Replaces a file atomically, since other tests may read it.
pub(crate) fn replace(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(fresh, path).unwrap();
}
