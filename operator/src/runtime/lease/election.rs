//! What a replica does about the Lease, from what it has seen of it and when. Pure.

use tokio::time::Instant;

use super::{RENEW_DEADLINE, Record};

/// What is to be done about the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is none: it is created.
    Create,
    /// It is this replica's, or nobody's, or that of one who has said nothing for too long.
    Hold,
    /// Another leads.
    Wait,
}

/// What a replica has seen of the Lease.
#[derive(Clone, Debug)]
pub struct Election {
    identity: String,
    /// What the Lease said last, and since when it has said that, by this replica's clock.
    seen: Option<(Record, Instant)>,
    /// Until when this replica acts, unless it renews the Lease before.
    acts_until: Option<Instant>,
}

impl Election {
    /// Nothing is known yet.
    #[must_use]
    pub const fn of(identity: String) -> Self {
        Self { identity, seen: None, acts_until: None }
    }

    /// Notes what the Lease said when it was asked for last; `None` when there was none.
    pub fn saw(&mut self, record: Option<Record>, now: Instant) {
        if !record.as_ref().is_some_and(|record| self.is_own(record)) {
            self.acts_until = None;
        }
        self.seen = record.map(|record| match &self.seen {
            Some((known, since)) if *known == record => (record, *since),
            _ => (record, now),
        });
    }

    /// Notes that a write of this replica has been accepted. What counts is when it was begun: others may have seen it since.
    pub fn holds(&mut self, record: Record, began: Instant) {
        self.acts_until = Some(began + RENEW_DEADLINE);
        self.seen = Some((record, began));
    }

    /// Notes that this replica does not act any more, whatever the Lease says.
    pub const fn stops(&mut self) {
        self.acts_until = None;
    }

    /// What is to be done.
    #[must_use]
    pub fn step(&self, now: Instant) -> Step {
        let Some((record, since)) = &self.seen else { return Step::Create };
        let is_silent = now.saturating_duration_since(*since) >= record.lasts;
        if record.holder.is_none() || self.is_own(record) || is_silent { Step::Hold } else { Step::Wait }
    }

    /// What the Lease said last.
    #[must_use]
    pub fn last(&self) -> Option<&Record> {
        self.seen.as_ref().map(|(record, _)| record)
    }

    /// Until when this replica acts; `None`: it does not.
    #[must_use]
    pub const fn acts_until(&self) -> Option<Instant> {
        self.acts_until
    }

    fn is_own(&self, record: &Record) -> bool {
        record.holder.as_ref() == Some(&self.identity)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::LEASE_DURATION;
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn held_by(holder: &str) -> Record {
        Record::held_by(holder, None, NOW)
    }

    fn released() -> Record {
        Record { holder: None, lasts: Duration::from_secs(1), ..held_by("a") }
    }

    #[test]
    fn a_lease_that_was_given_back_is_taken_at_once() {
        let mut election = Election::of("b".to_owned());
        let now = Instant::now();
        assert_eq!(election.step(now), Step::Create);
        election.saw(Some(held_by("a")), now);
        assert_eq!(election.step(now), Step::Wait);
        election.saw(Some(released()), now);
        assert_eq!(election.step(now), Step::Hold);
    }

    #[test]
    fn a_leader_that_is_gone_is_waited_for_from_when_it_was_last_seen_to_say_something() {
        let mut election = Election::of("b".to_owned());
        let began = Instant::now();
        election.saw(Some(held_by("a")), began);
        let renewed = Record { renewed: Some(NOW - jiff::SignedDuration::from_hours(5)), ..held_by("a") };
        let moved = began + LEASE_DURATION / 2;
        election.saw(Some(renewed.clone()), moved);
        election.saw(Some(renewed), moved + LEASE_DURATION / 2);
        assert_eq!(election.step(began + LEASE_DURATION), Step::Wait, "its wall clock is nobody's concern");
        assert_eq!(election.step(moved + LEASE_DURATION), Step::Hold);
    }

    #[test]
    fn a_leader_stops_when_it_does_not_renew_and_at_once_when_another_leads_or_nobody_does() {
        let now = Instant::now();
        for seen in [None, Some(released()), Some(held_by("b"))] {
            let mut election = Election::of("a".to_owned());
            election.holds(held_by("a"), now);
            assert_eq!(election.acts_until(), Some(now + RENEW_DEADLINE));
            election.saw(Some(held_by("a")), now + RENEW_DEADLINE / 2);
            assert_eq!(election.acts_until(), Some(now + RENEW_DEADLINE), "to read is not to renew");
            election.saw(seen, now);
            assert_eq!(election.acts_until(), None);
        }
    }

    /// What can happen to one of three replicas.
    #[derive(Clone, Copy, Debug)]
    enum Happening {
        /// It asks for the Lease, and has the answer after so many milliseconds.
        Asks(usize),
        /// It sends the write that is due by what it knows.
        Sends(usize),
        /// The write arrives at the API server.
        Arrives(usize),
        /// It has the answer to its write.
        Answered(usize),
        /// The answer, or the write itself, is lost.
        Lost(usize),
        /// It stops, and gives the Lease back.
        Releases(usize),
        /// Its process starts again.
        Restarts(usize),
        Passes(u64),
    }

    fn happening() -> impl Strategy<Value = Happening> {
        let who = 0usize..3;
        prop_oneof![
            4 => who.clone().prop_map(Happening::Asks),
            6 => who.clone().prop_map(Happening::Sends),
            6 => who.clone().prop_map(Happening::Arrives),
            6 => who.clone().prop_map(Happening::Answered),
            1 => who.clone().prop_map(Happening::Lost),
            1 => who.clone().prop_map(Happening::Releases),
            1 => who.prop_map(Happening::Restarts),
            8 => prop_oneof![0u64..500, 1_000u64..6_000, 9_000u64..16_000].prop_map(Happening::Passes),
        ]
    }

    /// A write of a replica, until it has heard of it.
    struct Write {
        /// The version that it replaces; None: it creates the Lease.
        from: Option<u64>,
        record: Record,
        began: Instant,
        outcome: Outcome,
    }

    enum Outcome {
        UnderWay,
        Refused,
        /// This is the version that it made.
        Accepted(u64),
    }

    struct Replica {
        election: Election,
        version: Option<u64>,
        write: Option<Write>,
    }

    impl Replica {
        fn new(index: usize) -> Self {
            Self { election: Election::of(index.to_string()), version: None, write: None }
        }
    }

    fn acting(replicas: &[Replica], now: Instant) -> Vec<usize> {
        let acts = |it: &Replica| it.election.acts_until().is_some_and(|until| now < until);
        (0..replicas.len()).filter(|index| acts(&replicas[*index])).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_slow_or_lost_no_two_replicas_act_at_once(
            happenings in proptest::collection::vec(happening(), 1..120)
        ) {
            let mut replicas: Vec<Replica> = (0..3).map(Replica::new).collect();
            let mut lease: Option<(Record, u64)> = None;
            let (mut now, mut versions) = (Instant::now(), 0);
            for happening in happenings {
                match happening {
                    Happening::Passes(milliseconds) => now += Duration::from_millis(milliseconds),
                    Happening::Asks(who) => {
                        let replica = &mut replicas[who];
                        replica.version = lease.as_ref().map(|(_, version)| *version);
                        replica.election.saw(lease.as_ref().map(|(record, _)| record.clone()), now);
                    }
                    Happening::Sends(who) => {
                        let replica = &mut replicas[who];
                        let step = replica.election.step(now);
                        if step != Step::Wait && replica.write.is_none() {
                            let wall = NOW + jiff::SignedDuration::from_millis(versions.try_into().unwrap());
                            let record =
                                Record::held_by(&who.to_string(), replica.election.last(), wall);
                            let from = replica.version.filter(|_| step == Step::Hold);
                            replica.write = Some(Write { from, record, began: now, outcome: Outcome::UnderWay });
                        }
                    }
                    Happening::Arrives(who) => {
                        let Some(write @ Write { outcome: Outcome::UnderWay, .. }) = &mut replicas[who].write
                        else {
                            continue;
                        };
                        write.outcome = if write.from == lease.as_ref().map(|(_, version)| *version) {
                            versions += 1;
                            lease = Some((write.record.clone(), versions));
                            Outcome::Accepted(versions)
                        } else {
                            Outcome::Refused
                        };
                    }
                    Happening::Answered(who) => {
                        let replica = &mut replicas[who];
                        match replica.write.take() {
                            Some(Write { record, began, outcome: Outcome::Accepted(version), .. }) => {
                                replica.version = Some(version);
                                replica.election.holds(record, began);
                            }
                            Some(write @ Write { outcome: Outcome::UnderWay, .. }) => replica.write = Some(write),
                            Some(Write { outcome: Outcome::Refused, .. }) | None => {}
                        }
                    }
                    Happening::Lost(who) => replicas[who].write = None,
                    Happening::Releases(who) => {
                        let replica = &mut replicas[who];
                        replica.election.stops();
                        replica.write = None;
                        if let Some((record, version)) = &mut lease
                            && record.holder.as_deref() == Some(&who.to_string())
                        {
                            versions += 1;
                            (*record, *version) = (released(), versions);
                        }
                    }
                    Happening::Restarts(who) => replicas[who] = Replica::new(who),
                }
                let acting = acting(&replicas, now);
                prop_assert!(acting.len() <= 1, "after {happening:?} {acting:?} act");
            }
        }
    }
}
