use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::LEASE_DURATION;
use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn held_by(holder: &str) -> LeaderRecord {
    LeaderRecord::held_by(holder, None, NOW)
}

fn released() -> LeaderRecord {
    LeaderRecord { holder: None, lease_duration: Duration::from_secs(1), ..held_by("a") }
}

#[test]
fn released_lease_is_acquired_at_once() {
    let mut election = Election::of("b".to_owned());
    let now = Instant::now();
    assert_eq!(election.step(now), Step::Create);
    election.observe(Some(held_by("a")), now);
    assert_eq!(election.step(now), Step::Wait);
    election.observe(Some(released()), now);
    assert_eq!(election.step(now), Step::Acquire);
}

#[test]
fn lease_expires_from_its_last_observed_change() {
    let mut election = Election::of("b".to_owned());
    let started = Instant::now();
    election.observe(Some(held_by("a")), started);
    let renewed = LeaderRecord { renewed: Some(NOW - jiff::SignedDuration::from_hours(5)), ..held_by("a") };
    let moved = started + LEASE_DURATION / 2;
    election.observe(Some(renewed.clone()), moved);
    election.observe(Some(renewed), moved + LEASE_DURATION / 2);
    assert_eq!(
        election.step(started + LEASE_DURATION),
        Step::Wait,
        "the wall clock of the leader does not count"
    );
    assert_eq!(election.step(moved + LEASE_DURATION), Step::Acquire);
}

#[test]
fn leader_stops_at_the_deadline_or_when_it_is_replaced() {
    let now = Instant::now();
    for observed in [None, Some(released()), Some(held_by("b"))] {
        let mut election = Election::of("a".to_owned());
        election.acquired(held_by("a"), now);
        assert_eq!(election.acts_until(), Some(now + RENEW_DEADLINE));
        election.observe(Some(held_by("a")), now + RENEW_DEADLINE / 2);
        assert_eq!(election.acts_until(), Some(now + RENEW_DEADLINE), "reading is not renewing");
        election.observe(observed, now);
        assert_eq!(election.acts_until(), None);
    }
}

/// What happens to one of three replicas.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// It reads the Lease.
    Reads(usize),
    /// It sends the write that is due.
    Sends(usize),
    /// The write arrives at the API server.
    Arrives(usize),
    /// It receives the answer to its write.
    Answered(usize),
    /// The answer, or the write itself, is lost.
    Lost(usize),
    /// It stops, and releases the Lease.
    Releases(usize),
    /// Its process restarts.
    Restarts(usize),
    /// So many milliseconds pass.
    TimePasses(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let index = 0usize..3;
    prop_oneof![
        4 => index.clone().prop_map(Event::Reads),
        6 => index.clone().prop_map(Event::Sends),
        6 => index.clone().prop_map(Event::Arrives),
        6 => index.clone().prop_map(Event::Answered),
        1 => index.clone().prop_map(Event::Lost),
        1 => index.clone().prop_map(Event::Releases),
        1 => index.prop_map(Event::Restarts),
        8 => prop_oneof![0u64..500, 1_000u64..6_000, 9_000u64..16_000].prop_map(Event::TimePasses),
    ]
}

/// A write of a replica that is not answered yet.
struct Write {
    /// The version that it replaces; `None`: it creates the Lease.
    from: Option<u64>,
    record: LeaderRecord,
    started: Instant,
    state: WriteState,
}

enum WriteState {
    Sent,
    Refused,
    /// With the new version.
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

/// Three replicas, and the Lease with its version in the API server.
struct Model {
    replicas: Vec<Replica>,
    lease: Option<(LeaderRecord, u64)>,
    now: Instant,
    versions: u64,
}

impl Model {
    fn new() -> Self {
        let replicas = (0..3).map(Replica::new).collect();
        Self { replicas, lease: None, now: Instant::now(), versions: 0 }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::TimePasses(milliseconds) => self.now += Duration::from_millis(milliseconds),
            Event::Reads(index) => {
                let replica = &mut self.replicas[index];
                replica.version = self.lease.as_ref().map(|(_, version)| *version);
                replica.election.observe(self.lease.as_ref().map(|(record, _)| record.clone()), self.now);
            }
            Event::Sends(index) => self.send(index),
            Event::Arrives(index) => self.arrive(index),
            Event::Answered(index) => {
                let replica = &mut self.replicas[index];
                match replica.write.take() {
                    Some(Write { record, started, state: WriteState::Accepted(version), .. }) => {
                        replica.version = Some(version);
                        replica.election.acquired(record, started);
                    }
                    Some(write @ Write { state: WriteState::Sent, .. }) => replica.write = Some(write),
                    Some(Write { state: WriteState::Refused, .. }) | None => {}
                }
            }
            Event::Lost(index) => self.replicas[index].write = None,
            Event::Releases(index) => self.release(index),
            Event::Restarts(index) => self.replicas[index] = Replica::new(index),
        }
    }

    fn send(&mut self, index: usize) {
        let replica = &mut self.replicas[index];
        let step = replica.election.step(self.now);
        if step == Step::Wait || replica.write.is_some() {
            return;
        }
        let wall = NOW + jiff::SignedDuration::from_millis(self.versions.try_into().unwrap());
        let record = LeaderRecord::held_by(&index.to_string(), replica.election.last(), wall);
        let from = replica.version.filter(|_| step == Step::Acquire);
        replica.write = Some(Write { from, record, started: self.now, state: WriteState::Sent });
    }

    fn arrive(&mut self, index: usize) {
        let Some(write @ Write { state: WriteState::Sent, .. }) = &mut self.replicas[index].write else {
            return;
        };
        write.state = if write.from == self.lease.as_ref().map(|(_, version)| *version) {
            self.versions += 1;
            self.lease = Some((write.record.clone(), self.versions));
            WriteState::Accepted(self.versions)
        } else {
            WriteState::Refused
        };
    }

    fn release(&mut self, index: usize) {
        let replica = &mut self.replicas[index];
        replica.election.resign();
        replica.write = None;
        if let Some((record, version)) = &mut self.lease
            && record.holder.as_deref() == Some(&index.to_string())
        {
            self.versions += 1;
            (*record, *version) = (released(), self.versions);
        }
    }

    fn acting(&self) -> Vec<usize> {
        let acts = |it: &Replica| it.election.acts_until().is_some_and(|until| self.now < until);
        (0..self.replicas.len()).filter(|index| acts(&self.replicas[*index])).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_two_replicas_act_at_once(events in proptest::collection::vec(event(), 1..120)) {
        let mut model = Model::new();
        for event in events {
            model.apply(event);
            let acting = model.acting();
            prop_assert!(acting.len() <= 1, "after {event:?} {acting:?} act");
        }
    }
}
