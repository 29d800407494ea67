//! Why the log could not be used.

use std::fmt;

/// Why the log could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A transient failure: brokers unreachable, a rebalance in progress, a request timed out.
    #[error("the log is unavailable ({cause}): {source}")]
    Unavailable {
        /// The name of the cause in metrics, from a fixed set. Nothing compares it.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A permanent failure, until the cluster or the pipeline changes: not authorized, no such topic, an offset out of
    /// range.
    #[error("the log refuses ({cause}): {source}")]
    Refused {
        /// The name of the cause in metrics, from a fixed set. Nothing compares it.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LogError {
    /// Whether a retry can help.
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
    /// The outcome of some records is unknown. All may be appended again.
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
    /// The broker calls it invalid: a missing key in a compacted topic, a timestamp out of bounds.
    #[error("the broker calls it invalid")]
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
