//! Why a local run did not come about, or did not end well.

use userstream_worker::format::UnsupportedFormat;
use userstream_worker::loops::process::ProcessError;
use userstream_worker::loops::process::row_decoder::RowDecoderError;
use userstream_worker::loops::produce::ProduceError;
use userstream_worker::loops::unsupported::Unsupported;
use userstream_worker::provision::ProvisionError;
use userstream_worker::source::NoSource;

use crate::backend::BackendError;
use crate::exit::Exit;

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// Topics or tables cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Provisioning failed.
    #[error("provisioning failed: {0}")]
    Provision(#[from] ProvisionError),
    /// Provisioning refuses what the pipeline wants.
    #[error("the pipeline wants what cannot be done, so nothing was changed:\n  {}", .0.join("\n  "))]
    Refused(Vec<String>),
    /// The pipeline asks for something that does not exist yet.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// Records cannot be written in the format.
    #[error(transparent)]
    Format(#[from] UnsupportedFormat),
    /// Records cannot be decoded.
    #[error(transparent)]
    Decoder(#[from] RowDecoderError),
    /// The pipeline has no source after all.
    #[error(transparent)]
    Source(#[from] NoSource),
    /// It was told to end twice.
    #[error("told to end at once: what was in flight is read again at the next start")]
    Aborted,
}

impl LocalError {
    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Backend(error) => error.exit(),
            Self::Provision(error) if error.is_retryable() => Exit::Unavailable,
            Self::Provision(_)
            | Self::Refused(_)
            | Self::Unsupported(_)
            | Self::Format(_)
            | Self::Decoder(_)
            | Self::Source(_) => Exit::Configuration,
            Self::Aborted => Exit::Interrupted,
        }
    }
}

/// Why a run ended early, and with what; its summary is printed all the same.
#[derive(Debug)]
pub(super) enum RunError {
    /// The source's half.
    Producer(ProduceError),
    /// The table's half.
    Processor(ProcessError),
}

impl RunError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Producer(ProduceError::Poison(_)) | Self::Processor(ProcessError::Poison(_)) => Exit::Data,
            Self::Producer(ProduceError::Source(_) | ProduceError::Log(_) | ProduceError::DeadLetters(_))
            | Self::Processor(ProcessError::Log(_)) => Exit::Unavailable,
        }
    }
}

impl std::fmt::Display for RunError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Producer(error) => error.fmt(formatter),
            Self::Processor(error) => error.fmt(formatter),
        }
    }
}
