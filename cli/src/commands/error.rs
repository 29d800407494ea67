//! Errors of commands, and their exit codes.

use std::io;

use super::explain::ExplainError;
use super::plan::PlanError;
use super::tail::TailError;
#[cfg(feature = "cluster")]
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::local::LocalError;
use crate::resource::ResourceError;
use crate::terminal::logging::FilterError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The resource cannot be read, or is invalid.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// The field does not exist.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// The local run did not start, or was aborted.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The plan failed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The request to the cluster failed.
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// This `usp` is built without the Kubernetes client.
    #[cfg(not(feature = "cluster"))]
    #[error(
        "this usp is built without the Kubernetes client; build one that has it: cargo build --release -p userstream-cli \
         --features cluster"
    )]
    WithoutCluster,
    /// The data directory cannot be read.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// The log filter is invalid.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The runtime failed to start.
    #[error("cannot start the Tokio runtime: {0}")]
    Runtime(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Resource(error) => error.exit(),
            Self::Explain(_) | Self::Filter(_) => Exit::Usage,
            Self::Local(error) => error.exit(),
            Self::Plan(error) => error.exit(),
            #[cfg(feature = "cluster")]
            Self::Cluster(error) => error.exit(),
            #[cfg(not(feature = "cluster"))]
            Self::WithoutCluster => Exit::Configuration,
            Self::Tail(error) => error.exit(),
            Self::Runtime(_) => Exit::Unavailable,
            // The reader of a pipe, such as `head`, has closed it.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::Unavailable,
        }
    }
}
