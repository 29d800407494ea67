//! Expectations, as client-go's controllers keep them: writes that the stores do not show yet. A decision that is made
//! before they do is made from the past.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::kind::Kind;

/// After this long an expectation expires: another client may have deleted the object since the write.
pub const EXPECTATIONS_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// The pipeline itself.
    Pipeline,
    /// The pipeline's object of this kind and name.
    Owned(Kind, String),
}

/// The resource versions that the stores have to reach.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    versions: HashMap<ObjectKey, Expected>,
}

#[derive(Clone, Debug)]
struct Expected {
    /// `None` until the API server has answered the write.
    version: Option<String>,
    at: Timestamp,
    /// Whether the reconcile that wrote it has already acted and reported on it.
    is_accounted: bool,
}

impl Expectations {
    /// Records that a write starts. Should the reconcile be cancelled before the answer, the written version is
    /// unknown.
    pub fn start(&mut self, key: ObjectKey, now: Timestamp) {
        self.versions.insert(key, Expected { version: None, at: now, is_accounted: false });
    }

    /// Drops the expectation: nothing was written, or the write has no version to wait for.
    pub fn cancel(&mut self, key: &ObjectKey) {
        self.versions.remove(key);
    }

    /// Expects the version that a write has given to an object. The watch event that shows it triggers a reconcile.
    pub fn expect(&mut self, key: ObjectKey, version: Option<String>, now: Timestamp) {
        self.insert(key, version, now, false);
    }

    /// Expects the version of a write whose consequences the same reconcile has already decided on. The watch event
    /// that shows it triggers no reconcile.
    pub fn expect_accounted(&mut self, key: ObjectKey, version: Option<String>, now: Timestamp) {
        self.insert(key, version, now, true);
    }

    fn insert(&mut self, key: ObjectKey, version: Option<String>, at: Timestamp, is_accounted: bool) {
        match version {
            Some(_) => drop(self.versions.insert(key, Expected { version, at, is_accounted })),
            None => self.cancel(&key),
        }
    }

    /// Whether this version is that of a write whose consequences are already decided on.
    #[must_use]
    pub fn is_accounted(&self, key: &ObjectKey, version: &str) -> bool {
        let expected = self.versions.get(key).filter(|expected| expected.is_accounted);
        expected.is_some_and(|expected| expected.version.as_deref() == Some(version))
    }

    /// Records that a watch has shown this version, which satisfies the expectation of it and of earlier ones.
    pub fn observe(&mut self, key: &ObjectKey, version: &str) {
        let expected = self.versions.get(key).and_then(|expected| expected.version.as_deref());
        if expected.is_some_and(|expected| is_at_least(version, expected)) {
            self.versions.remove(key);
        }
    }

    /// Whether the watches have yet to show a write.
    #[must_use]
    pub fn are_pending(&self, now: Timestamp) -> bool {
        self.versions.values().any(|expected| now.duration_since(expected.at) < EXPECTATIONS_TIMEOUT)
    }

    /// Whether the stores show every write. `stored` returns the version in the stores.
    pub fn are_satisfied(&mut self, now: Timestamp, stored: impl Fn(&ObjectKey) -> Option<String>) -> bool {
        self.versions.retain(|key, expected| {
            let is_expired = now.duration_since(expected.at) >= EXPECTATIONS_TIMEOUT;
            let is_stored = expected
                .version
                .as_ref()
                .is_some_and(|version| stored(key).is_some_and(|stored| is_at_least(&stored, version)));
            !is_expired && !is_stored
        });
        self.versions.is_empty()
    }
}

/// Compares resource versions as growing numbers. Versions that are no numbers compare by equality alone.
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
        ObjectKey::Owned(Kind::Job, "users-run-1".to_owned())
    }

    fn expecting(version: &str) -> Expectations {
        let mut expectations = Expectations::default();
        expectations.expect(job(), Some(version.to_owned()), NOW);
        expectations
    }

    #[test]
    fn write_is_expected_until_the_store_has_its_version() {
        for (stored, satisfied) in
            [(None, false), (Some("99"), false), (Some("100"), true), (Some("1000"), true)]
        {
            let is = expecting("100").are_satisfied(NOW, |_| stored.map(str::to_owned));
            assert_eq!(is, satisfied, "{stored:?}");
        }
    }

    #[test]
    fn unanswered_write_is_expected_until_the_timeout() {
        let mut expectations = Expectations::default();
        expectations.start(job(), NOW);
        let any = |_: &ObjectKey| Some("100".to_owned());
        assert!(!expectations.are_satisfied(NOW, any), "the version that it wrote is unknown");
        assert!(expectations.clone().are_satisfied(NOW + EXPECTATIONS_TIMEOUT, |_| None));
        expectations.cancel(&job());
        assert!(expectations.are_satisfied(NOW, |_| None), "the write was refused");
    }

    #[test]
    fn satisfied_expectation_stays_satisfied() {
        let mut expectations = expecting("100");
        assert!(expectations.are_satisfied(NOW, |_| Some("100".to_owned())));
        assert!(expectations.are_satisfied(NOW, |_| None));
    }

    #[test]
    fn only_the_version_of_an_accounted_write_is_accounted() {
        let mut expectations = expecting("100");
        assert!(!expectations.is_accounted(&job(), "100"), "its consequences are yet to be decided on");
        expectations.expect_accounted(job(), Some("101".to_owned()), NOW);
        let accounted = ["100", "101", "102"].map(|version| expectations.is_accounted(&job(), version));
        assert_eq!(accounted, [false, true, false]);
        assert!(!expectations.is_accounted(&ObjectKey::Pipeline, "101"), "another object");
        assert!(!expectations.are_satisfied(NOW, |_| Some("100".to_owned())), "it is expected all the same");
    }

    #[test]
    fn observed_version_satisfies_the_expectation() {
        for (observed, is_pending) in [("99", true), ("100", false), ("101", false)] {
            let mut expectations = expecting("100");
            expectations.observe(&job(), observed);
            assert_eq!(expectations.are_pending(NOW), is_pending, "{observed}");
        }
        let mut expectations = expecting("100");
        expectations.observe(&ObjectKey::Pipeline, "100");
        assert!(expectations.are_pending(NOW), "another object");
        assert!(!expectations.are_pending(NOW + EXPECTATIONS_TIMEOUT));
        expectations.start(job(), NOW);
        expectations.observe(&job(), "100");
        assert!(expectations.are_pending(NOW), "the version that it wrote is unknown");
    }

    #[test]
    fn expectation_of_a_deleted_object_expires() {
        let later = NOW + EXPECTATIONS_TIMEOUT;
        assert!(expecting("100").are_satisfied(later, |_| None));
    }
}
