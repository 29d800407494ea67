//! The seam to a source: runs of pages of raw records.
//!
//! Implementations: [HTTP](HttpSource) (the real one), the [generator](Generator) (no network), and a scripted one in
//! the simulation.

mod any;
mod generator;
mod http;
mod position;

use std::ops::Range;

use crate::log::SourcePosition;

pub use self::any::{AnySource, NoSource, from_pipeline};
pub use self::generator::{Generator, Users};
pub use self::http::HttpSource;

/// Something that records come from, page by page.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Source {
    /// Starts a run at a saved position; none: at the beginning.
    ///
    /// # Errors
    /// When the position is not one of this source's.
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError>;

    /// The next page of the run. None when the run is over: the source ended, or the run had its share of pages.
    ///
    /// Retries what is worth retrying by itself. After an error the run is over.
    ///
    /// # Errors
    /// When the source could not be read.
    async fn fetch(&mut self) -> Result<Option<Page>, SourceError>;
}

/// One answer of a source: raw records in one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What was received. JSON.
    pub body: Vec<u8>,
    /// Where the records stand in the body, in order.
    pub records: Vec<Range<usize>>,
    /// When it was received, in milliseconds since the Unix epoch.
    pub fetched_at: i64,
    /// To be saved once every record of this page is acknowledged. None: nothing to save.
    pub position: Option<SourcePosition>,
}

impl Page {
    /// The raw records.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.records.iter().map(|span| self.body.get(span.clone()).unwrap_or_default())
    }
}

/// Why a source could not be read. Never holds anything of a response's body or of a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A fault that passes, and did not pass within the attempts allowed.
    #[error("the source is unavailable ({cause}): {source}")]
    Unavailable {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault that stays until somebody changes something: refused credentials, a forbidden address, a body that is
    /// not what the pipeline says.
    #[error("the source cannot be read ({cause}): {source}")]
    Refused {
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SourceError {
    /// Whether a later run may succeed with nothing changed.
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
