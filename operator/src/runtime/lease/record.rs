//! What a Lease says, and how it is made to say something else.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use serde_json::{Value, json};

use super::LEASE_DURATION;

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The replica that leads; none: nobody does.
    pub holder: Option<String>,
    /// How long it is waited for once it says nothing any more.
    pub lasts: Duration,
    /// When it began to lead, and when it last said that it does: by its own clock, so they are compared with nothing but
    /// themselves.
    pub acquired: Option<Timestamp>,
    /// See `acquired`.
    pub renewed: Option<Timestamp>,
    /// How many times another has begun to lead.
    pub transitions: i32,
}

impl Record {
    /// What this Lease says.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            lasts: seconds.map_or(LEASE_DURATION, Duration::from_secs),
            acquired: spec.acquire_time.map(|time| time.0),
            renewed: spec.renew_time.map(|time| time.0),
            transitions: spec.lease_transitions.unwrap_or_default(),
        }
    }

    /// This replica's record at a time by its wall clock, after one that may have been another's.
    #[must_use]
    pub fn held_by(identity: &str, before: Option<&Self>, now: Timestamp) -> Self {
        let own = before.filter(|before| before.holder.as_deref() == Some(identity));
        let transitions = before.map_or(0, |before| before.transitions);
        Self {
            holder: Some(identity.to_owned()),
            lasts: LEASE_DURATION,
            acquired: own.and_then(|own| own.acquired).or(Some(now)),
            renewed: Some(now),
            transitions: if own.is_some() || before.is_none() {
                transitions
            } else {
                transitions.saturating_add(1)
            },
        }
    }

    /// A Lease of this name that says this.
    #[must_use]
    pub fn lease(&self, name: &str) -> Lease {
        Lease {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: self.holder.clone(),
                lease_duration_seconds: i32::try_from(self.lasts.as_secs()).ok(),
                acquire_time: self.acquired.map(MicroTime),
                renew_time: self.renewed.map(MicroTime),
                lease_transitions: Some(self.transitions),
                ..LeaseSpec::default()
            }),
        }
    }

    /// The change that has a Lease say this, refused when it is not of this version any more.
    #[must_use]
    pub fn patch(&self, version: Option<&str>) -> Value {
        let time = |time: Option<Timestamp>| json!(time.map(MicroTime));
        json!({
            "metadata": {"resourceVersion": version},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.lasts.as_secs(),
                "acquireTime": time(self.acquired),
                "renewTime": time(self.renewed),
                "leaseTransitions": self.transitions,
            },
        })
    }

    /// The change with which nobody leads: whoever sees it next may.
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
    fn what_was_written_is_read_back_and_an_emptied_lease_has_no_holder() {
        let record = Record::held_by("a", None, NOW);
        assert_eq!(Record::of(&record.lease("operator")), record);
        for empty in [json!({}), json!({"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}})] {
            assert_eq!(Record::of(&serde_json::from_value(empty).unwrap()).holder, None);
        }
    }

    #[test]
    fn a_renewal_keeps_since_when_it_leads_and_a_take_over_counts() {
        let first = Record::held_by("a", None, NOW);
        let renewed = Record::held_by("a", Some(&first), LATER);
        assert_eq!((renewed.acquired, renewed.renewed, renewed.transitions), (Some(NOW), Some(LATER), 0));
        let taken = Record::held_by("b", Some(&renewed), LATER);
        assert_eq!((taken.acquired, taken.transitions), (Some(LATER), 1));
    }

    #[test]
    fn a_change_names_the_version_that_it_was_made_from() {
        let record = Record::held_by("a", None, NOW);
        for patch in [record.patch(Some("7")), Record::release(Some("7"))] {
            assert_eq!(
                patch["metadata"]["resourceVersion"], "7",
                "or it would undo what another has written"
            );
        }
        assert_eq!(record.patch(Some("7"))["spec"]["renewTime"], "2027-01-15T08:00:00.000000Z");
    }
}
