//! The seam to the log: append, consume in a group, commit.
//!
//! Implementations: Kafka, SQLite (local mode), and an in-memory log under the simulation's scheduler.

#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
#[cfg(feature = "kafka")]
pub mod kafka;

use crate::record::{LogRecord, Record};

pub use error::{AppendError, LogError, Rejection, RejectionReason};

/// What a consumer receives, in order.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// The next record of an assigned partition.
    Record(LogRecord),
    /// These partitions are assigned to this consumer. Each is read from its committed offset.
    Assigned(Vec<AssignedPartition>),
    /// These partitions are revoked. What was stored for them has been committed if that was still possible.
    Revoked(Vec<i32>),
}

/// A partition at the start of its assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignedPartition {
    /// The partition.
    pub partition: i32,
    /// The metadata of its last commit; empty when there was none.
    pub metadata: CommitMetadata,
}

impl From<i32> for AssignedPartition {
    /// A partition without a commit.
    fn from(partition: i32) -> Self {
        Self { partition, metadata: CommitMetadata::default() }
    }
}

/// What a consumer commits for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Everything below this offset is done.
    pub offset: i64,
    /// Metadata to commit with the offset. None: the metadata stored last in this assignment, or else that of the
    /// commit before it.
    pub metadata: Option<CommitMetadata>,
}

impl Commit {
    /// Commits an offset and keeps the metadata.
    pub fn up_to(offset: i64) -> Self {
        Self { offset, metadata: None }
    }
}

/// State that a consumer commits beside an offset, and receives with the next assignment of the partition.
///
/// Opaque to the log: `key=value` pairs separated by spaces, at most [`MAX_COMMIT_METADATA`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitMetadata(pub String);

/// Bytes of [`CommitMetadata`], at most. Kafka's default limit is 4,096, of which the log itself needs a few.
pub const MAX_COMMIT_METADATA: usize = 4_000;

/// The progress of a consumer in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub position: i64,
    /// Everything below this offset is committed. None while unknown.
    pub committed: Option<i64>,
    /// The offset that the next appended record gets. None while unknown.
    pub high_watermark: Option<i64>,
}

impl Progress {
    /// Records not yet committed. None while either end is unknown: unknown lag is not zero lag.
    pub fn lag(&self) -> Option<i64> {
        Some(self.high_watermark?.saturating_sub(self.committed?).max(0))
    }
}

/// The reading side of a topic, in a consumer group.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Consumer {
    /// Waits for the next events and appends at most `max` of them to `events`.
    ///
    /// Cancel safe: a call that is dropped has taken no event. Must be called at least every few minutes, or the group
    /// removes this consumer.
    ///
    /// # Errors
    /// When the log cannot be read. The next call may succeed if [`LogError::is_retryable`].
    async fn poll(&mut self, events: &mut Vec<Event>, max: usize) -> Result<(), LogError>;

    /// Stores what the next [`commit`](Self::commit) or the revocation of the partition commits. Does nothing when the
    /// partition is not assigned.
    fn store(&mut self, partition: i32, commit: Commit);

    /// Commits what is stored and waits for the reply.
    ///
    /// Cancel safe: a call that is dropped may have committed, and the next one commits the same or more.
    ///
    /// # Errors
    /// When the group's coordinator did not accept it. Stored offsets stay stored.
    async fn commit(&mut self) -> Result<(), LogError>;

    /// Stops the flow of records. [`poll`](Self::poll) still delivers assignments and revocations.
    ///
    /// # Errors
    /// When the client refuses.
    fn pause(&mut self) -> Result<(), LogError>;

    /// Resumes the flow of records, also of partitions that were assigned meanwhile.
    ///
    /// # Errors
    /// When the client refuses.
    fn resume(&mut self) -> Result<(), LogError>;

    /// The progress in the assigned partitions. Sends no request.
    fn progress(&self) -> Vec<Progress>;

    /// How many partitions the topic has, assigned or not, as the log last reported it. None while unknown. Sends no
    /// request.
    fn partitions(&self) -> Option<u32>;

    /// Returns a record's buffer, to be reused for a later record.
    fn recycle(&mut self, buffer: Vec<u8>) {
        drop(buffer);
    }

    /// Commits what is stored and leaves the group.
    ///
    /// # Errors
    /// When the last commit failed. The group was left nevertheless.
    async fn close(self) -> Result<(), LogError>;
}

/// The writing side of topics, and the store of a source's position.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Producer {
    /// Appends records and returns when every one of them is acknowledged. Records with the same key keep their order.
    ///
    /// # Errors
    /// [`AppendError::Log`]: some may have been appended, all may be appended again.
    /// [`AppendError::Rejected`]: those records can never be appended, all others were acknowledged.
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError>;

    /// The position saved last by this pipeline, if any.
    ///
    /// # Errors
    /// When it cannot be read. An unreadable position never counts as none.
    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError>;

    /// Saves the position durably, in place of the last one.
    ///
    /// # Errors
    /// When it may not have been saved.
    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError>;
}

/// Where a source resumes: opaque to the log, at most 64 KiB of JSON, written and read by the source alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePosition(pub String);
