//! What is known of the partitions that are assigned: pure bookkeeping, without a client.

use std::collections::BTreeMap;

use super::super::Progress;

/// The partitions of this consumer, and how far each is.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    partitions: BTreeMap<i32, Position>,
}

#[derive(Debug)]
struct Position {
    /// The offset that the next record has, or one before it.
    next: i64,
    /// Everything below is done; to be committed.
    stored: i64,
    /// Everything below is committed, or was never to be read.
    committed: i64,
    high_watermark: Option<i64>,
}

impl Assignment {
    /// A partition is assigned, and read from this offset.
    pub(super) fn add(&mut self, partition: i32, start: i64) {
        let position = Position { next: start, stored: start, committed: start, high_watermark: None };
        self.partitions.insert(partition, position);
    }

    /// A partition is given up.
    pub(super) fn remove(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }

    /// The partitions, in order.
    pub(super) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.partitions.keys().copied()
    }

    /// Whether nothing is assigned.
    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Whether a record is news: of an assigned partition, and not seen before. A client that was paused and resumed may
    /// hand out a record twice.
    pub(super) fn accept(&mut self, partition: i32, offset: i64) -> bool {
        match self.partitions.get_mut(&partition) {
            Some(position) if offset >= position.next => {
                position.next = offset.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// Notes that everything below an offset is done. What is not assigned is nobody's business here.
    pub(super) fn store(&mut self, partition: i32, offset: i64) {
        if let Some(position) = self.partitions.get_mut(&partition) {
            position.stored = position.stored.max(offset);
        }
    }

    /// What is stored and not yet committed.
    pub(super) fn uncommitted(&self) -> Vec<(i32, i64)> {
        self.partitions
            .iter()
            .filter(|(_, position)| position.stored > position.committed)
            .map(|(partition, position)| (*partition, position.stored))
            .collect()
    }

    /// These offsets are committed.
    pub(super) fn committed(&mut self, offsets: &[(i32, i64)]) {
        for (partition, offset) in offsets {
            if let Some(position) = self.partitions.get_mut(partition) {
                position.committed = position.committed.max(*offset);
            }
        }
    }

    /// The end of a partition, as the brokers said.
    pub(super) fn ends_at(&mut self, partition: i32, high_watermark: i64) {
        if let Some(position) = self.partitions.get_mut(&partition) {
            position.high_watermark = Some(high_watermark);
        }
    }

    /// How far each partition is. What was read lies below the high watermark, whatever was said of it last.
    pub(super) fn progress(&self) -> Vec<Progress> {
        self.partitions
            .iter()
            .map(|(partition, position)| Progress {
                partition: *partition,
                position: position.next,
                committed: Some(position.committed),
                high_watermark: position.high_watermark.map(|end| end.max(position.next)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(starts: &[(i32, i64)]) -> Assignment {
        let mut assignment = Assignment::default();
        for (partition, start) in starts {
            assignment.add(*partition, *start);
        }
        assignment
    }

    #[test]
    fn only_what_is_stored_and_not_committed_is_committed() {
        let mut assignment = assigned(&[(0, 10), (1, 20)]);
        assert_eq!(assignment.uncommitted(), []);
        assignment.store(0, 15);
        assert_eq!(assignment.uncommitted(), [(0, 15)]);
        assignment.committed(&[(0, 15)]);
        assert_eq!(assignment.uncommitted(), []);
    }

    #[test]
    fn what_is_not_assigned_is_never_committed() {
        let mut assignment = assigned(&[(0, 10)]);
        assignment.store(0, 12);
        assignment.store(7, 99);
        assignment.remove(0);
        assignment.store(0, 13);
        assert_eq!(assignment.uncommitted(), []);
    }

    #[test]
    fn a_late_store_of_a_lower_offset_takes_nothing_back() {
        let mut assignment = assigned(&[(0, 10)]);
        assignment.store(0, 15);
        assignment.store(0, 12);
        assert_eq!(assignment.uncommitted(), [(0, 15)]);
    }

    #[test]
    fn a_partition_that_comes_back_forgets_what_was_stored_before() {
        let mut assignment = assigned(&[(0, 10)]);
        assignment.store(0, 50);
        assignment.remove(0);
        assignment.add(0, 30);
        assert_eq!(assignment.uncommitted(), []);
        assert_eq!(assignment.progress()[0].committed, Some(30));
    }

    #[test]
    fn a_record_is_handed_out_once() {
        let mut assignment = assigned(&[(0, 10)]);
        assert!(!assignment.accept(0, 9), "below where reading began");
        assert!(assignment.accept(0, 10));
        assert!(!assignment.accept(0, 10), "again");
        assert!(assignment.accept(0, 13), "after a gap that compaction left");
        assert!(!assignment.accept(1, 0), "of a partition that is not assigned");
    }

    #[test]
    fn lag_is_unknown_until_the_end_is_known_and_never_negative() {
        let mut assignment = assigned(&[(0, 10)]);
        assert_eq!(assignment.progress()[0].lag(), None);
        assignment.ends_at(0, 25);
        assert_eq!(assignment.progress()[0].lag(), Some(15));
        for offset in 10..30 {
            assignment.accept(0, offset);
        }
        assert_eq!(assignment.progress()[0].high_watermark, Some(30));
        assignment.store(0, 30);
        assignment.committed(&[(0, 30)]);
        assert_eq!(assignment.progress()[0].lag(), Some(0));
    }
}
