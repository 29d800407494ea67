//! Which offsets may be committed: everything up to the first unfinished record of the current assignment, or up to a
//! hold.
//!
//! # Guarantees
//! For each partition, the [`CommitPoint`] never passes a record that was begun and not finished in the current
//! assignment, never passes a hold, and never goes back within the assignment. A ticket of an earlier assignment moves
//! nothing.

use std::collections::{BTreeMap, VecDeque};

/// Tracks the records in flight of one consumer.
#[derive(Debug, Default)]
pub struct Tracker {
    partitions: BTreeMap<i32, Assignment>,
    epochs: u64,
    pending: usize,
}

/// One record in flight. Proves that the record was begun in a certain assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    partition: i32,
    epoch: u64,
    number: u64,
}

/// Everything below `offset` in `partition` may be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPoint {
    /// The partition.
    pub partition: i32,
    /// The offset of the first record that may not be committed.
    pub offset: i64,
}

#[derive(Debug)]
struct Assignment {
    epoch: u64,
    /// Ticket number of the slot in front.
    first: u64,
    /// Records begun, in the order of the log, from the first unfinished one.
    slots: VecDeque<Slot>,
    /// Everything below is done. None before the first record is.
    done: Option<i64>,
    /// The commit point does not pass this offset.
    hold: Option<i64>,
    /// The last commit point.
    reported: Option<i64>,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    done: bool,
}

impl Assignment {
    fn new(epoch: u64) -> Self {
        Self { epoch, first: 0, slots: VecDeque::new(), done: None, hold: None, reported: None }
    }

    /// The commit point, when it has moved.
    #[inline]
    fn advance(&mut self, partition: i32) -> Option<CommitPoint> {
        let done = self.done?;
        let offset = self.hold.map_or(done, |hold| done.min(hold));
        if self.reported.is_some_and(|reported| offset <= reported) {
            return None;
        }
        self.reported = Some(offset);
        Some(CommitPoint { partition, offset })
    }
}

impl Tracker {
    /// Starts a new assignment of each partition. What is in flight from an earlier one no longer counts.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = i32>) {
        for partition in partitions {
            self.epochs += 1;
            if let Some(earlier) = self.partitions.insert(partition, Assignment::new(self.epochs)) {
                self.pending -= earlier.slots.len();
            }
        }
    }

    /// Ends the assignment of each partition.
    pub fn revoke(&mut self, partitions: &[i32]) {
        for partition in partitions {
            if let Some(earlier) = self.partitions.remove(partition) {
                self.pending -= earlier.slots.len();
            }
        }
    }

    /// Begins a record that was read. Records of a partition begin in the order of their offsets, with or without gaps.
    /// None when the partition is not assigned: the record is not this consumer's to process.
    #[inline]
    pub fn begin(&mut self, partition: i32, offset: i64) -> Option<Ticket> {
        let assignment = self.partitions.get_mut(&partition)?;
        let number = assignment.first + assignment.slots.len() as u64;
        assignment.slots.push_back(Slot { offset, done: false });
        self.pending += 1;
        Some(Ticket { partition, epoch: assignment.epoch, number })
    }

    /// Finishes a record: it was written, filtered, skipped, or its dead letter was acknowledged. Returns the commit
    /// point of the partition if it moved.
    #[inline]
    pub fn finish(&mut self, ticket: Ticket) -> Option<CommitPoint> {
        let assignment = self.partitions.get_mut(&ticket.partition)?;
        if assignment.epoch != ticket.epoch {
            return None;
        }
        let index = usize::try_from(ticket.number.checked_sub(assignment.first)?).ok()?;
        assignment.slots.get_mut(index)?.done = true;
        let before = assignment.first;
        while let Some(slot) = assignment.slots.front().filter(|slot| slot.done) {
            assignment.done = Some(slot.offset + 1);
            assignment.slots.pop_front();
            assignment.first += 1;
            self.pending -= 1;
        }
        if assignment.first == before { None } else { assignment.advance(ticket.partition) }
    }

    /// Holds the commit point of a partition at `offset`: no record at or behind it may be committed, whether done or
    /// not. A later call moves the hold, and None removes it. Returns the commit point if it moved.
    ///
    /// A hold below the last commit point holds the commit point where it is.
    pub fn hold(&mut self, partition: i32, offset: Option<i64>) -> Option<CommitPoint> {
        let assignment = self.partitions.get_mut(&partition)?;
        assignment.hold = offset;
        assignment.advance(partition)
    }

    /// How many records are tracked: those in flight, and those done behind an unfinished one.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// The assigned partitions.
    pub fn assigned(&self) -> impl ExactSizeIterator<Item = i32> {
        self.partitions.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn record_done_early_waits_for_those_before_it() {
        let mut tracker = Tracker::default();
        tracker.assign([0]);
        let tickets: Vec<Ticket> =
            [3, 4, 9].into_iter().map(|offset| tracker.begin(0, offset).unwrap()).collect();
        assert_eq!(tracker.finish(tickets[1]), None);
        assert_eq!(tracker.finish(tickets[0]), Some(CommitPoint { partition: 0, offset: 5 }));
        assert_eq!(tracker.finish(tickets[2]), Some(CommitPoint { partition: 0, offset: 10 }));
        assert_eq!(tracker.pending(), 0);
    }

    #[test]
    fn ack_of_an_earlier_assignment_moves_nothing() {
        let mut tracker = Tracker::default();
        tracker.assign([0]);
        let old = tracker.begin(0, 100).unwrap();
        tracker.revoke(&[0]);
        assert_eq!(tracker.finish(old), None);
        tracker.assign([0]);
        let new = tracker.begin(0, 50).unwrap();
        assert_eq!(tracker.finish(old), None);
        assert_eq!(tracker.finish(new), Some(CommitPoint { partition: 0, offset: 51 }));
    }

    #[test]
    fn record_of_an_unassigned_partition_is_not_begun() {
        let mut tracker = Tracker::default();
        tracker.assign([1]);
        assert_eq!(tracker.begin(0, 1), None);
        tracker.revoke(&[1]);
        assert_eq!(tracker.begin(1, 1), None);
    }

    #[test]
    fn finishing_twice_changes_nothing() {
        let mut tracker = Tracker::default();
        tracker.assign([0]);
        let (first, second) = (tracker.begin(0, 1).unwrap(), tracker.begin(0, 2).unwrap());
        assert!(tracker.finish(first).is_some());
        assert_eq!(tracker.finish(first), None);
        assert_eq!(tracker.finish(second), Some(CommitPoint { partition: 0, offset: 3 }));
    }

    #[test]
    fn hold_stops_the_commit_point_and_its_removal_releases_it() {
        let mut tracker = Tracker::default();
        tracker.assign([0]);
        let tickets: Vec<Ticket> = (0..4).map(|offset| tracker.begin(0, offset).unwrap()).collect();
        assert_eq!(tracker.hold(0, Some(2)), None);
        assert_eq!(tracker.finish(tickets[0]), Some(CommitPoint { partition: 0, offset: 1 }));
        assert_eq!(tracker.finish(tickets[1]), Some(CommitPoint { partition: 0, offset: 2 }));
        assert_eq!(tracker.finish(tickets[2]), None);
        assert_eq!(tracker.hold(0, Some(0)), None, "it never goes back");
        assert_eq!(tracker.hold(0, None), Some(CommitPoint { partition: 0, offset: 3 }));
        assert_eq!(tracker.finish(tickets[3]), Some(CommitPoint { partition: 0, offset: 4 }));
    }

    #[test]
    fn hold_ends_with_the_assignment() {
        let mut tracker = Tracker::default();
        tracker.assign([0]);
        tracker.hold(0, Some(0));
        tracker.revoke(&[0]);
        assert_eq!(tracker.hold(0, Some(0)), None);
        tracker.assign([0]);
        let ticket = tracker.begin(0, 7).unwrap();
        assert_eq!(tracker.finish(ticket), Some(CommitPoint { partition: 0, offset: 8 }));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Assign(i32),
        Revoke(i32),
        Begin(i32, i64),
        Finish(usize),
        Hold(i32, Option<i64>),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            1 => (0..3_i32).prop_map(Step::Assign),
            1 => (0..3_i32).prop_map(Step::Revoke),
            6 => (0..3_i32, 1..5_i64).prop_map(|(partition, gap)| Step::Begin(partition, gap)),
            6 => any::<prop::sample::Index>().prop_map(|index| Step::Finish(index.index(64))),
            2 => (0..3_i32, prop::option::of(0..200_i64)).prop_map(|(partition, offset)| Step::Hold(partition, offset)),
        ];
        prop::collection::vec(step, 0..200)
    }

    /// A partition of the model, which forgets no record.
    #[derive(Debug, Default)]
    struct Partition {
        incarnation: u64,
        records: Vec<(i64, bool)>,
        hold: Option<i64>,
        reported: Option<i64>,
    }

    impl Partition {
        fn done(&self) -> usize {
            self.records.iter().take_while(|(_, done)| *done).count()
        }

        /// The commit point that is due, if it has moved.
        fn advance(&mut self, partition: i32) -> Option<CommitPoint> {
            let done = self.records[..self.done()].last()?.0 + 1;
            let offset = done.min(self.hold.unwrap_or(i64::MAX));
            let moved = self.reported.is_none_or(|reported| offset > reported);
            moved.then(|| {
                self.reported = Some(offset);
                CommitPoint { partition, offset }
            })
        }
    }

    proptest! {
        #[test]
        fn commit_point_is_the_first_unfinished_record_or_the_hold(steps in steps()) {
            let mut tracker = Tracker::default();
            let mut model: BTreeMap<i32, Partition> = BTreeMap::new();
            let mut tickets: Vec<(Ticket, u64, usize)> = Vec::new();
            let (mut offset, mut incarnation) = (0, 0);
            for step in steps {
                match step {
                    Step::Assign(partition) => {
                        tracker.assign([partition]);
                        incarnation += 1;
                        model.insert(partition, Partition { incarnation, ..Partition::default() });
                    }
                    Step::Revoke(partition) => {
                        tracker.revoke(&[partition]);
                        model.remove(&partition);
                    }
                    Step::Begin(partition, gap) => {
                        offset += gap;
                        let ticket = tracker.begin(partition, offset);
                        prop_assert_eq!(ticket.is_some(), model.contains_key(&partition));
                        if let (Some(ticket), Some(modelled)) = (ticket, model.get_mut(&partition)) {
                            tickets.push((ticket, modelled.incarnation, modelled.records.len()));
                            modelled.records.push((offset, false));
                        }
                    }
                    Step::Finish(index) => {
                        let Some((ticket, incarnation, position)) = tickets.get(index).copied() else { continue };
                        let moved = tracker.finish(ticket);
                        let current = model.get_mut(&ticket.partition).filter(|it| it.incarnation == incarnation);
                        let expected = current.and_then(|modelled| {
                            modelled.records[position].1 = true;
                            modelled.advance(ticket.partition)
                        });
                        prop_assert_eq!(moved, expected);
                    }
                    Step::Hold(partition, hold) => {
                        let moved = tracker.hold(partition, hold);
                        let expected = model.get_mut(&partition).and_then(|modelled| {
                            modelled.hold = hold;
                            modelled.advance(partition)
                        });
                        prop_assert_eq!(moved, expected);
                    }
                }
                let pending: usize = model.values().map(|it| it.records.len() - it.done()).sum();
                prop_assert_eq!(tracker.pending(), pending);
            }
        }
    }
}
