//! The table seam: rows with a write time.
//!
//! Implementations: Cassandra, SQLite for local mode, and an in-memory one under the simulation's scheduler.

#[cfg(feature = "cassandra")]
pub mod cassandra;
#[cfg(feature = "cassandra")]
mod column_value;
#[cfg(feature = "embedded")]
pub mod embedded;

use crate::record::AsRow;

/// A table that keeps, for each key and column, the value with the latest write time.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Table {
    /// Writes rows of one partition key in one request, each with its own write time. Absent cells keep their value.
    ///
    /// Idempotent: the same rows may be written any number of times, in any order, by any number of workers.
    ///
    /// # Errors
    /// After any error, each of the rows may have been written.
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError>;
}

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// An error of the table or the connection: overloaded, timed out, no replica, not authorized, altered. The same
    /// rows may be written later, so they wait.
    #[error("the table is unavailable ({cause}): {source}")]
    Unavailable {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An error of these rows, which can never be written: a key too long, a value that the column cannot hold.
    #[error("the table rejects the row ({cause}): {source}")]
    Rejected {
        /// A short name for metrics and dead letters, from a fixed set.
        cause: &'static str,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl WriteError {
    /// The name of the cause for metrics.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Unavailable { cause, .. } | Self::Rejected { cause, .. } => cause,
        }
    }
}
