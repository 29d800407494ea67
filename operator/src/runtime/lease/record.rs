//! The content of a Lease, and the patches that change it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use serde_json::{Value, json};

use super::LEASE_DURATION;

/// The content of a Lease; client-go's `LeaderElectionRecord`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderRecord {
    /// The replica that leads; `None`: none does.
    pub holder: Option<String>,
    /// How long other replicas wait for a leader that does not renew.
    pub lease_duration: Duration,
    /// When the leader acquired the Lease, by its own wall clock: comparable only with `renewed`.
    pub acquired: Option<Timestamp>,
    /// When the leader last renewed it, by its own wall clock.
    pub renewed: Option<Timestamp>,
    /// How often another replica has taken the Lease over.
    pub transitions: i32,
}

impl LeaderRecord {
    /// The content of a Lease.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            lease_duration: seconds.map_or(LEASE_DURATION, Duration::from_secs),
            acquired: spec.acquire_time.map(|time| time.0),
            renewed: spec.renew_time.map(|time| time.0),
            transitions: spec.lease_transitions.unwrap_or_default(),
        }
    }

    /// The record of this replica at a time of its wall clock, after a record that may be another's.
    #[must_use]
    pub fn held_by(identity: &str, before: Option<&Self>, now: Timestamp) -> Self {
        let own = before.filter(|before| before.holder.as_deref() == Some(identity));
        let transitions = before.map_or(0, |before| before.transitions);
        Self {
            holder: Some(identity.to_owned()),
            lease_duration: LEASE_DURATION,
            acquired: own.and_then(|own| own.acquired).or(Some(now)),
            renewed: Some(now),
            transitions: if own.is_some() || before.is_none() {
                transitions
            } else {
                transitions.saturating_add(1)
            },
        }
    }

    /// A Lease of this name with this content.
    #[must_use]
    pub fn lease(&self, name: &str) -> Lease {
        Lease {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: self.holder.clone(),
                lease_duration_seconds: i32::try_from(self.lease_duration.as_secs()).ok(),
                acquire_time: self.acquired.map(MicroTime),
                renew_time: self.renewed.map(MicroTime),
                lease_transitions: Some(self.transitions),
                ..LeaseSpec::default()
            }),
        }
    }

    /// The patch that gives a Lease this content. The API server refuses it when the Lease has another version.
    #[must_use]
    pub fn patch(&self, version: Option<&str>) -> Value {
        let time = |time: Option<Timestamp>| json!(time.map(MicroTime));
        json!({
            "metadata": {"resourceVersion": version},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.lease_duration.as_secs(),
                "acquireTime": time(self.acquired),
                "renewTime": time(self.renewed),
                "leaseTransitions": self.transitions,
            },
        })
    }

    /// The patch with which no replica leads.
    #[must_use]
    pub fn release(version: Option<&str>) -> Value {
        json!({
            "metadata": {"resourceVersion": version},
            "spec": {"holderIdentity": null, "leaseDurationSeconds": 1, "acquireTime": null, "renewTime": null},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const LATER: Timestamp = Timestamp::constant(1_800_000_003, 0);

    #[test]
    fn record_is_read_back_and_released_lease_has_no_holder() {
        let record = LeaderRecord::held_by("a", None, NOW);
        assert_eq!(LeaderRecord::of(&record.lease("operator")), record);
        for empty in [json!({}), json!({"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}})] {
            assert_eq!(LeaderRecord::of(&serde_json::from_value(empty).unwrap()).holder, None);
        }
    }

    #[test]
    fn renewal_keeps_the_acquire_time_and_takeover_counts() {
        let first = LeaderRecord::held_by("a", None, NOW);
        let renewed = LeaderRecord::held_by("a", Some(&first), LATER);
        assert_eq!((renewed.acquired, renewed.renewed, renewed.transitions), (Some(NOW), Some(LATER), 0));
        let taken = LeaderRecord::held_by("b", Some(&renewed), LATER);
        assert_eq!((taken.acquired, taken.transitions), (Some(LATER), 1));
    }

    #[test]
    fn patch_names_the_version_that_it_replaces() {
        let record = LeaderRecord::held_by("a", None, NOW);
        for patch in [record.patch(Some("7")), LeaderRecord::release(Some("7"))] {
            assert_eq!(
                patch["metadata"]["resourceVersion"], "7",
                "or it would overwrite another replica's renewal"
            );
        }
        assert_eq!(record.patch(Some("7"))["spec"]["renewTime"], "2027-01-15T08:00:00.000000Z");
    }
}
