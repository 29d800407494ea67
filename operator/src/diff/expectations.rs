//! Writes that the caches have not seen yet. Whoever decides again before that decides from the past.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::kind::Kind;

/// After this long a write is taken as seen: its object may have been deleted by somebody else since.
pub const EXPECTATIONS_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

/// What was written: an object of the pipeline, or the pipeline itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// The pipeline itself.
    Pipeline,
    /// The object of this kind and name.
    Object(Kind, String),
}

/// The versions that the caches have to reach.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    versions: HashMap<ObjectKey, Expected>,
}

#[derive(Clone, Debug)]
struct Expected {
    /// None: it is not known yet, because the write has not been answered.
    version: Option<String>,
    at: Timestamp,
    /// Whether the look that wrote it has told and done already what there is to tell and to do about it.
    is_foreseen: bool,
}

impl Expectations {
    /// Notes that something is about to be written. Whoever is stopped before the answer comes does not know what it wrote.
    pub fn begin(&mut self, what: ObjectKey, now: Timestamp) {
        self.versions.insert(what, Expected { version: None, at: now, is_foreseen: false });
    }

    /// Notes that nothing was written, or nothing that can be waited for.
    pub fn forget(&mut self, what: &ObjectKey) {
        self.versions.remove(what);
    }

    /// Notes the version that a write has given to an object.
    pub fn expect(&mut self, what: ObjectKey, version: Option<String>, now: Timestamp) {
        self.note(what, version, now, false);
    }

    /// The same of a write that nobody has to look at again when the caches have seen it: the look that made it has decided in
    /// view of it.
    pub fn foresee(&mut self, what: ObjectKey, version: Option<String>, now: Timestamp) {
        self.note(what, version, now, true);
    }

    fn note(&mut self, what: ObjectKey, version: Option<String>, at: Timestamp, is_foreseen: bool) {
        match version {
            Some(_) => drop(self.versions.insert(what, Expected { version, at, is_foreseen })),
            None => self.forget(&what),
        }
    }

    /// Whether this version is one that was foreseen, and so is no news.
    #[must_use]
    pub fn foresaw(&self, what: &ObjectKey, version: &str) -> bool {
        let expected = self.versions.get(what).filter(|expected| expected.is_foreseen);
        expected.is_some_and(|expected| expected.version.as_deref() == Some(version))
    }

    /// A watch has shown this version: whatever was expected of it, or before it, has come about.
    pub fn show(&mut self, what: &ObjectKey, seen: &str) {
        let expected = self.versions.get(what).and_then(|expected| expected.version.as_deref());
        if expected.is_some_and(|expected| is_at_least(seen, expected)) {
            self.versions.remove(what);
        }
    }

    /// Whether writes are on their way that no watch has shown.
    #[must_use]
    pub fn are_open(&self, now: Timestamp) -> bool {
        self.versions.values().any(|expected| now.duration_since(expected.at) < EXPECTATIONS_TIMEOUT)
    }

    /// Whether the caches have seen every write. `seen` gives the version that they have.
    pub fn are_met(&mut self, now: Timestamp, seen: impl Fn(&ObjectKey) -> Option<String>) -> bool {
        self.versions.retain(|what, expected| {
            let is_old = now.duration_since(expected.at) >= EXPECTATIONS_TIMEOUT;
            let is_seen = expected
                .version
                .as_ref()
                .is_some_and(|version| seen(what).is_some_and(|seen| is_at_least(&seen, version)));
            !is_old && !is_seen
        });
        self.versions.is_empty()
    }
}

/// Versions are numbers that grow; where they are not, only the same one is as new.
fn is_at_least(seen: &str, expected: &str) -> bool {
    match (seen.parse::<u128>(), expected.parse::<u128>()) {
        (Ok(seen), Ok(expected)) => seen >= expected,
        _ => seen == expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn job() -> ObjectKey {
        ObjectKey::Object(Kind::Job, "users-run-1".to_owned())
    }

    fn expecting(version: &str) -> Expectations {
        let mut expectations = Expectations::default();
        expectations.expect(job(), Some(version.to_owned()), NOW);
        expectations
    }

    #[test]
    fn a_write_is_waited_for_until_the_cache_has_it_or_something_newer() {
        for (seen, met) in [(None, false), (Some("99"), false), (Some("100"), true), (Some("1000"), true)] {
            let is = expecting("100").are_met(NOW, |_| seen.map(str::to_owned));
            assert_eq!(is, met, "{seen:?}");
        }
    }

    #[test]
    fn a_write_that_was_not_answered_is_waited_for_until_it_is_too_old_to_be_on_its_way() {
        let mut expectations = Expectations::default();
        expectations.begin(job(), NOW);
        assert!(!expectations.are_met(NOW, |_| Some("100".to_owned())), "which version it made is unknown");
        assert!(expectations.clone().are_met(NOW + EXPECTATIONS_TIMEOUT, |_| None));
        expectations.forget(&job());
        assert!(expectations.are_met(NOW, |_| None), "it was refused");
    }

    #[test]
    fn what_was_met_once_is_not_asked_for_again() {
        let mut expectations = expecting("100");
        assert!(expectations.are_met(NOW, |_| Some("100".to_owned())));
        assert!(expectations.are_met(NOW, |_| None));
    }

    #[test]
    fn only_the_version_that_was_foreseen_is_no_news() {
        let mut expectations = expecting("100");
        assert!(!expectations.foresaw(&job(), "100"), "somebody has to look what came of it");
        expectations.foresee(job(), Some("101".to_owned()), NOW);
        let told = ["100", "101", "102"].map(|version| expectations.foresaw(&job(), version));
        assert_eq!(told, [false, true, false]);
        assert!(!expectations.foresaw(&ObjectKey::Pipeline, "101"), "that is something else");
        assert!(!expectations.are_met(NOW, |_| Some("100".to_owned())), "it is waited for all the same");
    }

    #[test]
    fn what_a_watch_has_shown_is_not_waited_for_any_more() {
        for (shown, is_open) in [("99", true), ("100", false), ("101", false)] {
            let mut expectations = expecting("100");
            expectations.show(&job(), shown);
            assert_eq!(expectations.are_open(NOW), is_open, "{shown}");
        }
        let mut expectations = expecting("100");
        expectations.show(&ObjectKey::Pipeline, "100");
        assert!(expectations.are_open(NOW), "that was something else");
        assert!(!expectations.are_open(NOW + EXPECTATIONS_TIMEOUT));
        expectations.begin(job(), NOW);
        expectations.show(&job(), "100");
        assert!(expectations.are_open(NOW), "which version it made is unknown");
    }

    #[test]
    fn an_object_that_somebody_deleted_is_not_waited_for_for_ever() {
        let later = NOW + EXPECTATIONS_TIMEOUT;
        assert!(expecting("100").are_met(later, |_| None));
    }
}
