//! The seam to the log: append, consume with positions, commit.
//!
//! Implementations: Kafka (the real one), SQLite (local mode), and a simulated one in memory
//! under the simulation's scheduler.

#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;

use std::fmt;

use crate::record::{LogRecord, Record};

/// What a consumer has to tell, in order.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// The next record of an assigned partition.
    Record(LogRecord),
    /// These partitions are this consumer's from now on, each read from its committed offset.
    Assigned(Vec<i32>),
    /// These partitions are no longer this consumer's. What was stored for them has been committed if it still could be.
    Revoked(Vec<i32>),
}

/// Where a consumer stands in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: i32,
    /// The offset of the record to be read next.
    pub position: i64,
    /// Everything below this offset is committed. None while it is not known.
    pub committed: Option<i64>,
    /// The offset the next record appended will get. None while it is not known.
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
    /// Waits for the next events and puts at most `most` of them behind those in `events`.
    ///
    /// Cancel safe: a call that is dropped has taken no event. Must be called at least every few minutes, or the
    /// group takes this consumer for dead.
    ///
    /// # Errors
    /// When the log cannot be read; [`LogError::is_retryable`] tells whether the next call may succeed.
    async fn poll(&mut self, events: &mut Vec<Event>, most: usize) -> Result<(), LogError>;

    /// Notes that everything below `offset` in `partition` is done. It is committed by the next
    /// [`commit`](Self::commit), and when the partition is revoked. Without an assignment of the partition, nothing happens.
    fn store(&mut self, partition: i32, offset: i64);

    /// Commits what is stored and waits for the reply.
    ///
    /// Cancel safe: a call that is dropped may have committed, and the next one commits the same or more.
    ///
    /// # Errors
    /// When the group's coordinator did not take it. Stored offsets stay stored.
    async fn commit(&mut self) -> Result<(), LogError>;

    /// Stops the flow of records; assignments and revocations still arrive by [`poll`](Self::poll).
    ///
    /// # Errors
    /// When the client refuses.
    fn pause(&mut self) -> Result<(), LogError>;

    /// Lets records flow again, also of partitions assigned meanwhile.
    ///
    /// # Errors
    /// When the client refuses.
    fn resume(&mut self) -> Result<(), LogError>;

    /// How far the assigned partitions are. Cheap; asks no server.
    fn progress(&self) -> Vec<Progress>;

    /// Takes back a record's buffer, to be used for a later one.
    fn recycle(&mut self, buffer: Vec<u8>) {
        drop(buffer);
    }

    /// Commits what is stored and leaves the group.
    ///
    /// # Errors
    /// When the last commit failed; the group was left all the same.
    async fn close(self) -> Result<(), LogError>;
}

/// The writing side of topics, and the place where a source's position is saved.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Producer {
    /// Appends records and returns when every one of them is acknowledged. Records with the same key keep their order.
    ///
    /// # Errors
    /// [`AppendError::Unavailable`]: some may have been appended, all may be appended again.
    /// [`AppendError::Rejected`]: those records can never be appended, all others were acknowledged.
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError>;

    /// The position saved last by this pipeline, if any.
    ///
    /// # Errors
    /// When it cannot be read. A position that cannot be read is never taken for none.
    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError>;

    /// Saves the position, durably, in place of the last one.
    ///
    /// # Errors
    /// When it may not have been saved.
    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError>;
}

/// Where a source goes on: opaque to the log, at most 64 KiB of JSON, written and read by the source alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePosition(pub String);

/// Why the log could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A fault that passes: brokers away, a rebalance under way, a request timed out.
    #[error("the log is unavailable ({cause}): {source}")]
    Unavailable {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault that stays until somebody changes something: not authorised, no such topic, an offset out of range.
    #[error("the log refuses ({cause}): {source}")]
    Refused {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LogError {
    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// The name of the cause for metrics.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Unavailable { cause, .. } | Self::Refused { cause, .. } => cause,
        }
    }
}

/// Why records were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing is known of some records; all may be appended again.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Some records can never be appended; all others were acknowledged.
    #[error("{} records can never be appended, the first because {}", .0.len(), FirstReason(.0))]
    Rejected(Vec<Rejection>),
}

/// One record that can never be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    /// Its index among the records of the call.
    pub index: usize,
    /// Why.
    pub reason: RejectionReason,
}

/// Why a record can never be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RejectionReason {
    /// Larger than the client, the broker or the topic allows.
    #[error("it is larger than the topic allows")]
    TooLarge,
    /// The broker found it invalid (a missing key in a compacted topic, a timestamp out of bounds).
    #[error("the broker found it invalid")]
    Invalid,
}

struct FirstReason<'a>(&'a [Rejection]);

impl fmt::Display for FirstReason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            Some(rejection) => rejection.reason.fmt(formatter),
            None => formatter.write_str("of nothing"),
        }
    }
}
