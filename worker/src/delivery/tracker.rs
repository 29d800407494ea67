//! Which offsets may be committed: everything up to the first record that is not yet done, and nothing of an
//! assignment that is over.
//!
//! # Guarantees
//! For each partition, the offset returned by [`Tracker::finish`] never passes a record that was begun and not
//! finished in the current assignment, and never goes back within it. A ticket of an earlier assignment moves nothing.

use std::collections::{BTreeMap, VecDeque};

use crate::delivery::mutants::{Fault, planted};

/// Tracks the records in flight of one consumer.
#[derive(Debug, Default)]
pub struct Tracker {
    partitions: BTreeMap<i32, Assignment>,
    epochs: u64,
    pending: usize,
}

/// One record in flight; proves that it was begun in a certain assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    partition: i32,
    epoch: u64,
    number: u64,
}

/// Everything below `offset` in `partition` is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// The partition.
    pub partition: i32,
    /// The offset of the first record that is not done.
    pub offset: i64,
}

#[derive(Debug)]
struct Assignment {
    epoch: u64,
    /// Ticket number of the slot in front.
    first: u64,
    /// Records begun, in the order of the log, from the first that is not done.
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    done: bool,
}

impl Tracker {
    /// Starts a new assignment of each partition; what was in flight in an earlier one no longer counts.
    pub fn assign(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.epochs += 1;
            let assignment = Assignment { epoch: self.epochs, first: 0, slots: VecDeque::new() };
            if let Some(earlier) = self.partitions.insert(*partition, assignment) {
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

    /// Notes a record that was read. Records of a partition begin in the order of their offsets, with or without gaps.
    /// None when the partition is not assigned: the record is not this consumer's to handle.
    pub fn begin(&mut self, partition: i32, offset: i64) -> Option<Ticket> {
        let assignment = self.partitions.get_mut(&partition)?;
        let number = assignment.first + assignment.slots.len() as u64;
        assignment.slots.push_back(Slot { offset, done: false });
        self.pending += 1;
        Some(Ticket { partition, epoch: assignment.epoch, number })
    }

    /// Notes that a record is done: written, dead-lettered and acknowledged, filtered or skipped. Returns how far the
    /// partition is when that moved.
    pub fn finish(&mut self, ticket: Ticket) -> Option<Watermark> {
        let assignment = self.partitions.get_mut(&ticket.partition)?;
        if assignment.epoch != ticket.epoch && !planted(Fault::AcceptAckOfOldAssignment) {
            return None;
        }
        let index = usize::try_from(ticket.number.checked_sub(assignment.first)?).ok()?;
        assignment.slots.get_mut(index)?.done = true;
        if planted(Fault::CommitPastUnfinished) {
            let offset = assignment.slots.get(index)?.offset + 1;
            return Some(Watermark { partition: ticket.partition, offset });
        }
        let mut watermark = None;
        while let Some(slot) = assignment.slots.front().filter(|slot| slot.done) {
            watermark = Some(Watermark { partition: ticket.partition, offset: slot.offset + 1 });
            assignment.slots.pop_front();
            assignment.first += 1;
            self.pending -= 1;
        }
        watermark
    }

    /// How many records are remembered: those in flight, and those done behind one that is not.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// The partitions assigned now.
    pub fn assigned(&self) -> impl ExactSizeIterator<Item = i32> {
        self.partitions.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_done_early_waits_for_those_before_it() {
        let mut tracker = Tracker::default();
        tracker.assign(&[0]);
        let tickets: Vec<Ticket> =
            [3, 4, 9].into_iter().map(|offset| tracker.begin(0, offset).unwrap()).collect();
        assert_eq!(tracker.finish(tickets[1]), None);
        assert_eq!(tracker.finish(tickets[0]), Some(Watermark { partition: 0, offset: 5 }));
        assert_eq!(tracker.finish(tickets[2]), Some(Watermark { partition: 0, offset: 10 }));
        assert_eq!(tracker.pending(), 0);
    }

    #[test]
    fn an_acknowledgement_of_an_earlier_assignment_moves_nothing() {
        let mut tracker = Tracker::default();
        tracker.assign(&[0]);
        let old = tracker.begin(0, 100).unwrap();
        tracker.revoke(&[0]);
        assert_eq!(tracker.finish(old), None);
        tracker.assign(&[0]);
        let new = tracker.begin(0, 50).unwrap();
        assert_eq!(tracker.finish(old), None);
        assert_eq!(tracker.finish(new), Some(Watermark { partition: 0, offset: 51 }));
    }

    #[test]
    fn a_record_of_a_partition_not_assigned_is_not_begun() {
        let mut tracker = Tracker::default();
        tracker.assign(&[1]);
        assert_eq!(tracker.begin(0, 1), None);
        tracker.revoke(&[1]);
        assert_eq!(tracker.begin(1, 1), None);
    }

    #[test]
    fn finishing_twice_changes_nothing() {
        let mut tracker = Tracker::default();
        tracker.assign(&[0]);
        let (first, second) = (tracker.begin(0, 1).unwrap(), tracker.begin(0, 2).unwrap());
        assert!(tracker.finish(first).is_some());
        assert_eq!(tracker.finish(first), None);
        assert_eq!(tracker.finish(second), Some(Watermark { partition: 0, offset: 3 }));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Assign(i32),
        Revoke(i32),
        Begin(i32, i64),
        Finish(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            1 => (0..3_i32).prop_map(Step::Assign),
            1 => (0..3_i32).prop_map(Step::Revoke),
            6 => (0..3_i32, 1..5_i64).prop_map(|(partition, gap)| Step::Begin(partition, gap)),
            6 => any::<prop::sample::Index>().prop_map(|index| Step::Finish(index.index(64))),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        /// Against a model that remembers everything: the watermark is always just below the first unfinished record
        /// of the current assignment.
        #[test]
        fn the_watermark_is_the_first_unfinished_record_of_the_assignment(steps in steps()) {
            let mut tracker = Tracker::default();
            let mut model: BTreeMap<i32, (u64, Vec<(i64, bool)>)> = BTreeMap::new();
            let mut tickets: Vec<(Ticket, u64, usize)> = Vec::new();
            let (mut offset, mut incarnation) = (0, 0);
            for step in steps {
                match step {
                    Step::Assign(partition) => {
                        tracker.assign(&[partition]);
                        incarnation += 1;
                        model.insert(partition, (incarnation, Vec::new()));
                    }
                    Step::Revoke(partition) => {
                        tracker.revoke(&[partition]);
                        model.remove(&partition);
                    }
                    Step::Begin(partition, gap) => {
                        offset += gap;
                        let ticket = tracker.begin(partition, offset);
                        prop_assert_eq!(ticket.is_some(), model.contains_key(&partition));
                        if let (Some(ticket), Some((incarnation, records))) = (ticket, model.get_mut(&partition)) {
                            tickets.push((ticket, *incarnation, records.len()));
                            records.push((offset, false));
                        }
                    }
                    Step::Finish(index) => {
                        let Some((ticket, incarnation, position)) = tickets.get(index).copied() else { continue };
                        let moved = tracker.finish(ticket);
                        let current = model.get_mut(&ticket.partition).filter(|(current, _)| *current == incarnation);
                        let Some((_, records)) = current else {
                            prop_assert_eq!(moved, None);
                            continue;
                        };
                        let before = records.iter().take_while(|(_, done)| *done).count();
                        records[position].1 = true;
                        let after = records.iter().take_while(|(_, done)| *done).count();
                        let expected = (after > before)
                            .then(|| Watermark { partition: ticket.partition, offset: records[after - 1].0 + 1 });
                        prop_assert_eq!(moved, expected);
                    }
                }
                let pending: usize =
                    model.values().map(|(_, r)| r.len() - r.iter().take_while(|(_, done)| *done).count()).sum();
                prop_assert_eq!(tracker.pending(), pending);
            }
        }
    }
}
