//! A cache of compiled patterns: compiling them takes longer than the rest of the validation.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

/// Whether a text matches a pattern of the schema. There are few patterns, so the cache is not bounded. A pattern that
/// does not compile matches every text; a test would find it.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let is_match = |regex: &Option<Regex>| regex.as_ref().is_none_or(|regex| regex.is_match(text));
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(regex) = compiled.get(pattern) {
            return is_match(regex);
        }
        is_match(compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_pattern_matches_like_a_new_one() {
        for _ in 0..2 {
            assert!(matches("^[a-z]{1,3}$", "abc"));
            assert!(!matches("^[a-z]{1,3}$", "abcd"));
            assert!(matches("(", "anything"));
        }
    }
}
