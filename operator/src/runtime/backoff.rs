//! The exponential backoff of a pipeline whose reconciles fail.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Resource;

use crate::model::hash;

const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// What a user can edit of a resource: the generation of its spec, its annotations (as a hash), and its deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EditVersion {
    generation: Option<i64>,
    annotations: String,
    is_deleted: bool,
}

impl EditVersion {
    pub(crate) fn of(resource: &impl Resource) -> Self {
        let metadata = resource.meta();
        Self {
            generation: metadata.generation,
            annotations: hash::short(format!("{:?}", metadata.annotations).as_bytes()),
            is_deleted: metadata.deletion_timestamp.is_some(),
        }
    }
}

/// The backoff of one pipeline.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// How many reconciles in a row have failed.
    failures: u32,
    /// When the next attempt is due, and the version that has failed.
    until: Option<(Timestamp, EditVersion)>,
    /// The state of the generator of jitter, by which pipelines that fail together are retried apart.
    jitter: u64,
}

impl Backoff {
    /// A backoff whose jitter is seeded by this text.
    pub(crate) fn seeded(seed: &str) -> Self {
        let jitter = seed.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self { jitter, ..Self::default() }
    }

    /// How long the next attempt is still delayed. Only an edit ends the delay early: a write that the API server
    /// refuses would otherwise be repeated with every event.
    pub(crate) fn remaining(&self, version: &EditVersion, now: Timestamp) -> Option<Duration> {
        let (until, _) = self.until.as_ref().filter(|(_, failed)| failed == version)?;
        Duration::try_from(until.duration_since(now)).ok().filter(|left| !left.is_zero())
    }

    /// Records a failed attempt.
    pub(crate) fn failed(&mut self, version: EditVersion, now: Timestamp) {
        let delay = SignedDuration::try_from(self.next_delay()).ok();
        let until = delay.and_then(|delay| now.checked_add(delay).ok());
        self.until = until.map(|until| (until, version));
    }

    /// Records a successful attempt.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// The delay doubles with each failure, and jitter shortens it by up to a quarter.
    fn next_delay(&mut self) -> Duration {
        let doubled = FIRST_DELAY.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        // One step of a linear congruential generator: jitter only has to be evenly distributed.
        self.jitter =
            self.jitter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let percent = u32::try_from(self.jitter >> 33).unwrap_or_default() % 26;
        doubled.min(LONGEST_DELAY) * (100 - percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn delay_doubles_up_to_five_minutes_and_a_success_resets_it() {
        let mut backoff = Backoff::default();
        let delays: Vec<Duration> = (0..40).map(|_| backoff.next_delay()).collect();
        for (index, delay) in delays.iter().enumerate() {
            let full = FIRST_DELAY
                .saturating_mul(1u32.checked_shl(index.try_into().unwrap()).unwrap_or(u32::MAX))
                .min(LONGEST_DELAY);
            assert!(*delay <= full && *delay >= full * 3 / 4, "{index}: {delay:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= FIRST_DELAY);
    }

    #[test]
    fn only_an_edit_ends_the_delay_early() {
        let now = Timestamp::constant(1_800_000_000, 0);
        let mut resource = ConfigMap::default();
        resource.metadata.generation = Some(1);
        let mut backoff = Backoff::default();
        assert_eq!(backoff.remaining(&EditVersion::of(&resource), now), None);
        backoff.failed(EditVersion::of(&resource), now);
        resource.metadata.resource_version = Some("2".to_owned());
        let left = backoff.remaining(&EditVersion::of(&resource), now).unwrap();
        assert!(left <= FIRST_DELAY && !left.is_zero());
        let later = now + SignedDuration::from_secs(2);
        assert_eq!(backoff.remaining(&EditVersion::of(&resource), later), None);
        let mut edited = resource.clone();
        edited.metadata.generation = Some(2);
        assert_eq!(backoff.remaining(&EditVersion::of(&edited), now), None);
        edited = resource.clone();
        edited.metadata.annotations =
            Some([("userstream.dev/requested-at".to_owned(), "now".to_owned())].into());
        assert_eq!(backoff.remaining(&EditVersion::of(&edited), now), None);
        backoff.reset();
        assert_eq!(backoff.remaining(&EditVersion::of(&resource), now), None);
    }

    #[test]
    fn pipelines_that_fail_together_are_retried_apart() {
        let delays: BTreeSet<Duration> = (0..20)
            .map(|index| {
                let mut backoff = Backoff::seeded(&format!("pipeline {index}"));
                (0..5).map(|_| backoff.next_delay()).sum()
            })
            .collect();
        assert!(delays.len() > 10, "{delays:?}");
    }
}
