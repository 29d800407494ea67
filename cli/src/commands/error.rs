//! Why a command failed, and the exit code for it.

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

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The resource cannot be read, or is wrong.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// There is no such field.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// A local run did not come about.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Something in the cluster is not as the command needs it.
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// This `usp` was built without the Kubernetes client.
    #[cfg(not(feature = "cluster"))]
    #[error(
        "this usp was built without the Kubernetes client, which takes long to compile; build one that has it with: cargo \
         build --release -p userstream-cli --features cluster"
    )]
    WithoutCluster,
    /// There is nothing to print the end of.
    #[error(transparent)]
    Tail(#[from] TailError),
    /// The filter of log lines cannot be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The runtime cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(#[source] io::Error),
    /// Standard output cannot be written.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
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
            // Whoever read the output has read enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::Unavailable,
        }
    }
}
