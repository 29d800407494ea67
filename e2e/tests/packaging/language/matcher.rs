//! Finds the phrases of the rules in texts.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{ALLOWED, Allowed, BANNED, BANNED_IN_NAMES, Banned};
use super::rust_source::{RustWords, rust_words};
use super::words::{Word, words};

/// A banned phrase in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The line of its first word, from 1; 0 for the file's path.
    pub(crate) line: usize,
    /// The words as found, in lower case.
    pub(crate) phrase: String,
    /// The field's words.
    pub(crate) instead: &'static str,
}

/// What a file contains.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// In order.
    pub(crate) findings: BTreeSet<Finding>,
    pub(crate) used_allowances: BTreeSet<&'static str>,
}

/// The rules, by the first word of their phrases.
pub(crate) struct Matcher {
    everywhere: Phrases<&'static str>,
    in_names: Phrases<&'static str>,
    allowed: Phrases<&'static Allowed>,
}

impl Matcher {
    pub(crate) fn new() -> Self {
        let banned = |rules: &'static [Banned]| rules.iter().map(|rule| (rule.phrase, rule.instead));
        Self {
            everywhere: Phrases::new(banned(BANNED)),
            in_names: Phrases::new(banned(BANNED).chain(banned(BANNED_IN_NAMES))),
            allowed: Phrases::new(ALLOWED.iter().map(|rule| (rule.phrase, rule))),
        }
    }

    /// The banned phrases in a file and in its path, and the allowed ones.
    pub(crate) fn matches(&self, path: &str, text: &str) -> Matches {
        let mut found = Matches::default();
        for (words, is_names) in texts(path, text) {
            let phrases = if is_names { &self.in_names } else { &self.everywhere };
            let mut allowed = self.allowed.matches(&words);
            allowed.retain(|(.., rule)| path.starts_with(rule.files));
            for (start, end, instead) in phrases.matches(&words) {
                if !allowed.iter().any(|(from, to, _)| *from <= start && end <= *to) {
                    let phrase: Vec<&str> = words[start..end].iter().map(|word| word.text.as_str()).collect();
                    found.findings.insert(Finding {
                        line: words[start].line,
                        phrase: phrase.join(" "),
                        instead,
                    });
                }
            }
            found.used_allowances.extend(allowed.iter().map(|(.., rule)| rule.phrase));
        }
        found
    }
}

/// The words of a file, and whether they are names.
fn texts(path: &str, text: &str) -> Vec<(Vec<Word>, bool)> {
    let path_words = words(path, 0);
    if path.ends_with(".rs") {
        let RustWords { prose, names } = rust_words(text);
        vec![(path_words, true), (prose, false), (names, true)]
    } else {
        vec![(path_words, true), (words(text, 1), false)]
    }
}

/// Phrases with a value each, by their first words.
struct Phrases<T>(BTreeMap<&'static str, Vec<Phrase<T>>>);

struct Phrase<T> {
    /// The alternatives of each word.
    words: Vec<Vec<&'static str>>,
    value: T,
}

impl<T: Copy> Phrases<T> {
    /// A phrase is a sequence of words; `|` separates alternatives of one word.
    fn new(phrases: impl Iterator<Item = (&'static str, T)>) -> Self {
        let mut by_first: BTreeMap<&'static str, Vec<Phrase<T>>> = BTreeMap::new();
        for (phrase, value) in phrases {
            let words: Vec<Vec<&str>> = phrase.split(' ').map(|word| word.split('|').collect()).collect();
            for first in &words[0] {
                by_first.entry(first).or_default().push(Phrase { words: words.clone(), value });
            }
        }
        Self(by_first)
    }

    /// The start and the end of each phrase in a text, with its value.
    fn matches(&self, text: &[Word]) -> Vec<(usize, usize, T)> {
        let mut found = Vec::new();
        for (start, first) in text.iter().enumerate() {
            for phrase in self.0.get(first.text.as_str()).into_iter().flatten() {
                let end = start + phrase.words.len();
                let Some(candidates) = text.get(start..end) else { continue };
                let fits = |(index, (word, alternatives)): (usize, (&Word, &Vec<&str>))| {
                    alternatives.contains(&word.text.as_str()) && (index == 0 || word.continues)
                };
                if candidates.iter().zip(&phrase.words).enumerate().all(fits) {
                    found.push((start, end, phrase.value));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        Matcher::new()
            .matches(path, text)
            .findings
            .into_iter()
            .map(|it| format!("{}:{}", it.line, it.phrase))
            .collect()
    }

    #[test]
    fn word_is_found_in_prose_names_and_paths() {
        assert_eq!(found("a.md", "It tells\nwhom."), ["1:tells", "2:whom"]);
        assert_eq!(found("a.rs", "fn tell_it(isTold: X) {}"), ["1:tell", "1:told"]);
        assert_eq!(found("src/told.rs", ""), ["0:told"]);
    }

    #[test]
    fn part_of_another_word_is_not_found() {
        assert_eq!(found("a.md", "intellect, Castell, stolen, retold stories"), Vec::<String>::new());
        assert_eq!(found("a.rs", "let space = spaced(pacemaker);"), Vec::<String>::new());
    }

    #[test]
    fn phrase_is_found_across_lines_and_not_across_sentences() {
        assert_eq!(found("a.rs", "// a topic of its\n// own"), ["1:of its own"]);
        assert_eq!(found("a.md", "A topic of its. Own it."), Vec::<String>::new());
        assert_eq!(found("a.md", "a stand-in, a made-up user"), ["1:made up", "1:stand in"]);
    }

    #[test]
    fn name_that_is_a_common_word_is_found_in_names_alone() {
        assert_eq!(found("a.rs", "// Memory of the process.\nstruct Memory;"), ["2:memory"]);
        assert_eq!(found("a.md", "the memory of a process"), Vec::<String>::new());
    }

    #[test]
    fn allowed_use_is_not_found() {
        assert_eq!(found("a.md", "look up the key, then look at it"), ["1:look"]);
        assert_eq!(found("a.rs", "let peak_memory = memory;"), ["1:memory"]);
    }

    #[test]
    fn every_rule_is_in_lower_case_and_matches_itself() {
        for rule in BANNED.iter().chain(BANNED_IN_NAMES) {
            let first: Vec<&str> =
                rule.phrase.split(' ').map(|word| word.split('|').next().unwrap()).collect();
            assert_eq!(rule.phrase, rule.phrase.to_lowercase());
            let matcher = Matcher::new();
            assert!(!matcher.in_names.matches(&words(&first.join(" "), 1)).is_empty(), "{}", rule.phrase);
        }
    }
}
