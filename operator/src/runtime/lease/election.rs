//! The decisions of leader election, from what a replica has observed of the Lease and when. Pure.

use tokio::time::Instant;

use super::{LeaderRecord, RENEW_DEADLINE};

/// What a replica does about the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It creates the Lease.
    Create,
    /// It acquires or renews the Lease: it holds it, or no replica does, or the holder has not renewed it in time.
    Acquire,
    /// It waits: another replica leads.
    Wait,
}

/// The state of leader election in one replica.
#[derive(Clone, Debug)]
pub struct Election {
    identity: String,
    /// The last observed record, and since when it has not changed, by this replica's clock.
    observed: Option<(LeaderRecord, Instant)>,
    /// Until when this replica acts unless it renews the Lease before.
    acts_until: Option<Instant>,
}

impl Election {
    /// The election of a replica that has not observed anything yet.
    #[must_use]
    pub const fn of(identity: String) -> Self {
        Self { identity, observed: None, acts_until: None }
    }

    /// Records what the Lease contains; `None` when there is none.
    pub fn observe(&mut self, record: Option<LeaderRecord>, now: Instant) {
        if !record.as_ref().is_some_and(|record| self.is_own(record)) {
            self.acts_until = None;
        }
        self.observed = record.map(|record| match &self.observed {
            Some((known, since)) if *known == record => (record, *since),
            _ => (record, now),
        });
    }

    /// Records that this replica has acquired or renewed the Lease. The start of the request counts: others may have
    /// observed the write since.
    pub fn acquired(&mut self, record: LeaderRecord, started: Instant) {
        self.acts_until = Some(started + RENEW_DEADLINE);
        self.observed = Some((record, started));
    }

    /// Records that this replica no longer acts, whatever the Lease contains.
    pub const fn resign(&mut self) {
        self.acts_until = None;
    }

    /// What to do now.
    #[must_use]
    pub fn step(&self, now: Instant) -> Step {
        let Some((record, since)) = &self.observed else { return Step::Create };
        let is_expired = now.saturating_duration_since(*since) >= record.lease_duration;
        if record.holder.is_none() || self.is_own(record) || is_expired { Step::Acquire } else { Step::Wait }
    }

    /// The last observed record.
    #[must_use]
    pub fn last(&self) -> Option<&LeaderRecord> {
        self.observed.as_ref().map(|(record, _)| record)
    }

    /// Until when this replica acts; `None`: it does not.
    #[must_use]
    pub const fn acts_until(&self) -> Option<Instant> {
        self.acts_until
    }

    fn is_own(&self, record: &LeaderRecord) -> bool {
        record.holder.as_ref() == Some(&self.identity)
    }
}

#[cfg(test)]
mod tests;
