//! Errors of a local run, and their exit codes.

use userstream_worker::loops::process::ProcessError;
use userstream_worker::loops::produce::ProduceError;
use userstream_worker::provision::ProvisionError;
use userstream_worker::source::NoSource;

use crate::backend::BackendError;
use crate::exit::Exit;

/// Why a run did not start, or was aborted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// A backend cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Provisioning failed.
    #[error("provisioning failed: {0}")]
    Provision(#[from] ProvisionError),
    /// Provisioning refused a change.
    #[error("provisioning refused the pipeline and changed nothing:\n  {}", .0.join("\n  "))]
    Refused(Vec<String>),
    /// The pipeline has no source.
    #[error(transparent)]
    Source(#[from] NoSource),
    /// A second signal aborted the run.
    #[error("aborted by a second signal: the next start reprocesses the records in flight")]
    Aborted,
}

impl LocalError {
    /// The exit code of the command.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Backend(error) => error.exit(),
            Self::Provision(error) if error.is_retryable() => Exit::Unavailable,
            Self::Provision(_) | Self::Refused(_) | Self::Source(_) => Exit::Configuration,
            Self::Aborted => Exit::Interrupted,
        }
    }
}

/// Why a run ended early. Its summary is printed nevertheless.
#[derive(Debug)]
pub(super) enum RunError {
    /// The producer failed.
    Producer(ProduceError),
    /// The processor failed.
    Processor(ProcessError),
}

impl RunError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Producer(ProduceError::Record(_)) | Self::Processor(ProcessError::Record(_)) => Exit::Data,
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
