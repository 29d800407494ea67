//! The source seam: a run is a sequence of pages of raw records.
//!
//! Implementations: [HTTP](HttpSource), the [generator](Generator) without a network, and a scripted one in the
//! simulation.

mod any;
mod generator;
mod http;
mod position;

use std::ops::Range;

use crate::log::SourcePosition;

pub use self::any::{AnySource, NoSource, from_pipeline};
pub use self::generator::{Generator, Users};
pub use self::http::HttpSource;

/// A source of records, read page by page.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Source {
    /// Starts a run at a saved position, or at the first page without one.
    ///
    /// # Errors
    /// When the position cannot be read, or does not belong to this kind of pagination.
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError>;

    /// The next page of the run. `None` ends the run: the source has no more pages, or the run reached its page limit.
    ///
    /// Transient errors are retried inside the call. An error ends the run.
    ///
    /// # Errors
    /// When the source could not be read.
    async fn fetch(&mut self) -> Result<Option<Page>, SourceError>;
}

/// One response of a source: raw records in one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The body as received: JSON.
    pub body: Vec<u8>,
    /// The byte range of each record in the body, in order.
    pub records: Vec<Range<usize>>,
    /// Where the page starts in the source: the same whenever this page is fetched.
    pub start: SourcePosition,
    /// When the page was received, in milliseconds since the Unix epoch.
    pub fetched_at: i64,
    /// The position to save once every record of this page is acknowledged. `None`: nothing to save.
    pub position: Option<SourcePosition>,
    /// Whether the run started at the first page because the source refuses the saved position.
    pub restarted: bool,
}

impl Page {
    /// The raw records.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.records.iter().map(|span| self.body.get(span.clone()).unwrap_or_default())
    }
}

/// Why a source could not be read. Never holds any part of a response's body or of a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A transient error that outlasted every allowed attempt.
    #[error("the source is unavailable ({cause}): {source}")]
    Unavailable {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A permanent error, until the configuration or the server changes: refused credentials, a forbidden address, a
    /// body of another shape than the pipeline declares.
    #[error("the source cannot be read ({cause}): {source}")]
    Refused {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SourceError {
    /// Whether a later run may succeed without any change.
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
