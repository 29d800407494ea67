//! Patterns, compiled once: that takes longer than all else that is looked at in a document.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex::Regex;

/// Whether a text has a pattern. The patterns are this crate's own, so that there are few; one that does not compile fits everything,
/// and fails a test.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<RwLock<HashMap<String, Option<Regex>>>> = LazyLock::new(RwLock::default);
    let matches = |regex: &Option<Regex>| regex.as_ref().is_none_or(|regex| regex.is_match(text));
    // Not cloned: a clone would make its caches anew.
    if let Some(regex) = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return matches(regex);
    }
    let mut compiled = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    matches(compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_what_it_says_the_first_time_and_every_other() {
        for _ in 0..2 {
            assert!(fits("^[a-z]{1,3}$", "abc"));
            assert!(!fits("^[a-z]{1,3}$", "abcd"));
            assert!(fits("(", "anything"));
        }
    }
}
