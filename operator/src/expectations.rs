//! Writes that the caches have not seen yet. Whoever decides again before that decides from the past.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::kind::Kind;

/// After this long a write is taken as seen: its object may have been deleted by somebody else since.
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What was written: an object of the pipeline, or the pipeline itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// The pipeline itself.
    Pipeline,
    /// The object of this kind and name.
    Object(Kind, String),
}

/// The versions that the caches have to reach.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// None: it is not known yet, because the write has not been answered.
    versions: HashMap<Written, (Option<String>, Timestamp)>,
}

impl Expectations {
    /// Notes that something is about to be written. Whoever is stopped before the answer comes does not know what it wrote.
    pub fn begin(&mut self, what: Written, now: Timestamp) {
        self.versions.insert(what, (None, now));
    }

    /// Notes that nothing was written, or nothing that can be waited for.
    pub fn forget(&mut self, what: &Written) {
        self.versions.remove(what);
    }

    /// Notes the version that a write has given to an object.
    pub fn expect(&mut self, what: Written, version: Option<String>, now: Timestamp) {
        match version {
            Some(version) => drop(self.versions.insert(what, (Some(version), now))),
            None => self.forget(&what),
        }
    }

    /// Whether the caches have seen every write. `seen` gives the version that they have.
    pub fn are_met(&mut self, now: Timestamp, seen: impl Fn(&Written) -> Option<String>) -> bool {
        self.versions.retain(|what, (version, at)| {
            let is_old = now.duration_since(*at) >= FORGOTTEN_AFTER;
            let is_seen = version
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

    fn job() -> Written {
        Written::Object(Kind::Job, "users-run-1".to_owned())
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
        assert!(expectations.clone().are_met(NOW + FORGOTTEN_AFTER, |_| None));
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
    fn an_object_that_somebody_deleted_is_not_waited_for_for_ever() {
        let later = NOW + FORGOTTEN_AFTER;
        assert!(expecting("100").are_met(later, |_| None));
    }
}
