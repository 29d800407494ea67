//! The seam to the table: write rows with a write time.
//!
//! Implementations: Cassandra (the real one), SQLite (local mode), and a simulated one in
//! memory under the simulation's scheduler.

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
    /// Writes rows of one partition key in one request, each with its own write time, absent cells left as they are.
    ///
    /// Idempotent: the same rows may be written any number of times, in any order, by any number of workers.
    ///
    /// # Errors
    /// Whatever the error, any of the rows may have been written.
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError>;
}

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A fault of the table or the way to it: overloaded, timed out, no replica, not authorised, altered by somebody.
    /// The same rows may well be written later, so they wait.
    #[error("the table is unavailable ({cause}): {source}")]
    Unavailable {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault of these rows: they can never be written (a key too long, a value the column cannot hold).
    #[error("the table rejects the row ({cause}): {source}")]
    Rejected {
        /// A short name for metrics and dead letters, from a fixed set.
        cause: &'static str,
        /// What the client reported.
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
