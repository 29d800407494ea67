//! Writes log lines to standard error, or above the live view while one is shown.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::LogLines;

/// The destination of log lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logging {
    diverted: Arc<Mutex<Option<LogLines>>>,
}

/// The log filter is invalid.
#[derive(Debug, thiserror::Error)]
#[error(
    "invalid log filter {filter} (--log): {source}; use a level, or one for each module: info,userstream_worker=debug"
)]
pub(crate) struct FilterError {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

impl Logging {
    /// Installs the global subscriber. A process calls this once.
    pub(crate) fn start(filter: &str, coloured: bool) -> Result<Self, FilterError> {
        let targets: Targets =
            filter.parse().map_err(|source| FilterError { filter: filter.to_owned(), source })?;
        let logging = Self::default();
        let lines = tracing_subscriber::fmt::layer()
            .compact()
            .with_target(false)
            .with_ansi(coloured)
            .with_writer(logging.clone());
        tracing_subscriber::registry().with(lines).with(targets).init();
        Ok(logging)
    }

    /// Redirects log lines to a screen, for as long as the screen holds the returned lines.
    pub(crate) fn divert(&self) -> LogLines {
        let lines = LogLines::default();
        *self.diverted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(lines.clone());
        lines
    }
}

impl<'w> MakeWriter<'w> for Logging {
    type Writer = Destination;

    fn make_writer(&'w self) -> Self::Writer {
        let diverted = self.diverted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match diverted.as_ref().filter(|lines| lines.are_shown()) {
            Some(lines) => Destination::Screen(lines.clone()),
            None => Destination::Stderr(io::stderr()),
        }
    }
}

/// The writer of one log line.
pub(crate) enum Destination {
    Screen(LogLines),
    Stderr(io::Stderr),
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Screen(lines) => lines.write(bytes),
            Self::Stderr(stderr) => stderr.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Screen(lines) => lines.flush(),
            Self::Stderr(stderr) => stderr.flush(),
        }
    }
}
