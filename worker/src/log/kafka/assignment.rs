//! The assigned partitions and the progress in each, without a client.

use std::collections::BTreeMap;

use crate::log::{AssignedPartition, Commit, CommitMetadata, Progress};

/// The partitions of this consumer.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    partitions: BTreeMap<i32, PartitionState>,
}

#[derive(Debug)]
struct PartitionState {
    /// The offset of the next record, or one before it.
    next: i64,
    /// Everything below is done, and to be committed.
    stored: i64,
    /// Everything below is committed, or was never to be read.
    committed: i64,
    high_watermark: Option<i64>,
    /// Committed with every offset, because Kafka replaces it with every commit.
    metadata: CommitMetadata,
    metadata_changed: bool,
}

/// What is to be committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingCommit {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) metadata: CommitMetadata,
}

impl From<(i32, i64)> for PendingCommit {
    /// An offset of a partition, without metadata.
    fn from((partition, offset): (i32, i64)) -> Self {
        Self { partition, offset, metadata: CommitMetadata::default() }
    }
}

impl Assignment {
    /// Adds a partition that is read from this offset.
    pub(super) fn add(&mut self, AssignedPartition { partition, metadata }: AssignedPartition, start: i64) {
        let state = PartitionState {
            next: start,
            stored: start,
            committed: start,
            high_watermark: None,
            metadata,
            metadata_changed: false,
        };
        self.partitions.insert(partition, state);
    }

    /// Removes a partition that was revoked.
    pub(super) fn remove(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }

    /// The partitions, in order.
    pub(super) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.partitions.keys().copied()
    }

    /// Whether no partition is assigned.
    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Whether a record is of an assigned partition and was not received before. A client that was paused and resumed
    /// may deliver a record twice.
    pub(super) fn accept(&mut self, partition: i32, offset: i64) -> bool {
        match self.partitions.get_mut(&partition) {
            Some(state) if offset >= state.next => {
                state.next = offset.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// Stores what is to be committed. Ignores partitions that are not assigned.
    pub(super) fn store(&mut self, partition: i32, commit: Commit) {
        let Some(state) = self.partitions.get_mut(&partition) else { return };
        state.stored = state.stored.max(commit.offset);
        if let Some(metadata) = commit.metadata {
            state.metadata_changed |= state.metadata != metadata;
            state.metadata = metadata;
        }
    }

    /// What is stored and not yet committed.
    pub(super) fn uncommitted(&self) -> Vec<PendingCommit> {
        self.partitions
            .iter()
            .filter(|(_, state)| state.stored > state.committed || state.metadata_changed)
            .map(|(partition, state)| PendingCommit {
                partition: *partition,
                offset: state.stored,
                metadata: state.metadata.clone(),
            })
            .collect()
    }

    /// Records that a commit succeeded.
    pub(super) fn committed(&mut self, commits: &[PendingCommit]) {
        for commit in commits {
            if let Some(state) = self.partitions.get_mut(&commit.partition) {
                state.committed = state.committed.max(commit.offset);
                state.metadata_changed &= state.metadata != commit.metadata;
            }
        }
    }

    /// Records the end of a partition, as a broker reported it.
    pub(super) fn set_high_watermark(&mut self, partition: i32, high_watermark: i64) {
        if let Some(state) = self.partitions.get_mut(&partition) {
            state.high_watermark = Some(high_watermark);
        }
    }

    /// The progress in each partition. What was read lies below the high watermark, even if that was reported earlier.
    pub(super) fn progress(&self) -> Vec<Progress> {
        self.partitions
            .iter()
            .map(|(partition, state)| Progress {
                partition: *partition,
                position: state.next,
                committed: Some(state.committed),
                high_watermark: state.high_watermark.map(|end| end.max(state.next)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(partition: i32, offset: i64) -> PendingCommit {
        PendingCommit::from((partition, offset))
    }

    fn assigned(starts: &[(i32, i64)]) -> Assignment {
        let mut assignment = Assignment::default();
        for (partition, start) in starts {
            assignment.add((*partition).into(), *start);
        }
        assignment
    }

    #[test]
    fn only_stored_offsets_are_committed() {
        let mut assignment = assigned(&[(0, 10), (1, 20)]);
        assert_eq!(assignment.uncommitted(), []);
        assignment.store(0, Commit::up_to(15));
        assert_eq!(assignment.uncommitted(), [pending(0, 15)]);
        assignment.committed(&[pending(0, 15)]);
        assert_eq!(assignment.uncommitted(), []);
    }

    #[test]
    fn unassigned_partitions_are_never_committed() {
        let mut assignment = assigned(&[(0, 10)]);
        assignment.store(0, Commit::up_to(12));
        assignment.store(7, Commit::up_to(99));
        assignment.remove(0);
        assignment.store(0, Commit::up_to(13));
        assert_eq!(assignment.uncommitted(), []);
    }

    #[test]
    fn late_store_of_a_lower_offset_is_ignored() {
        let mut assignment = assigned(&[(0, 10)]);
        assignment.store(0, Commit::up_to(15));
        assignment.store(0, Commit::up_to(12));
        assert_eq!(assignment.uncommitted(), [pending(0, 15)]);
    }

    #[test]
    fn reassigned_partition_forgets_stored_offsets() {
        let mut assignment = assigned(&[(0, 10)]);
        assignment.store(0, Commit::up_to(50));
        assignment.remove(0);
        assignment.add(0.into(), 30);
        assert_eq!(assignment.uncommitted(), []);
        assert_eq!(assignment.progress()[0].committed, Some(30));
    }

    #[test]
    fn record_is_delivered_once() {
        let mut assignment = assigned(&[(0, 10)]);
        assert!(!assignment.accept(0, 9), "below where reading began");
        assert!(assignment.accept(0, 10));
        assert!(!assignment.accept(0, 10), "again");
        assert!(assignment.accept(0, 13), "after a gap that compaction left");
        assert!(!assignment.accept(1, 0), "of a partition that is not assigned");
    }

    #[test]
    fn lag_is_unknown_without_high_watermark_and_never_negative() {
        let mut assignment = assigned(&[(0, 10)]);
        assert_eq!(assignment.progress()[0].lag(), None);
        assignment.set_high_watermark(0, 25);
        assert_eq!(assignment.progress()[0].lag(), Some(15));
        for offset in 10..30 {
            assignment.accept(0, offset);
        }
        assert_eq!(assignment.progress()[0].high_watermark, Some(30));
        assignment.store(0, Commit::up_to(30));
        assignment.committed(&[pending(0, 30)]);
        assert_eq!(assignment.progress()[0].lag(), Some(0));
    }

    #[test]
    fn metadata_goes_with_every_commit() {
        let metadata = |text: &str| CommitMetadata(text.to_owned());
        let mut assignment = Assignment::default();
        assignment.add(AssignedPartition { partition: 0, metadata: metadata("fold=3") }, 10);
        assert_eq!(assignment.uncommitted(), [], "the metadata of the last commit is no change");
        assignment.store(0, Commit::up_to(11));
        assert_eq!(assignment.uncommitted()[0].metadata, metadata("fold=3"));
        assignment.store(0, Commit { offset: 11, metadata: Some(metadata("fold=9")) });
        let commits = assignment.uncommitted();
        assert_eq!(commits, [PendingCommit { partition: 0, offset: 11, metadata: metadata("fold=9") }]);
        assignment.store(0, Commit { offset: 11, metadata: Some(metadata("fold=12")) });
        assignment.committed(&commits);
        assert_eq!(
            assignment.uncommitted()[0].metadata,
            metadata("fold=12"),
            "stored while the commit was in flight"
        );
        let commits = assignment.uncommitted();
        assignment.committed(&commits);
        assert_eq!(assignment.uncommitted(), []);
    }
}
