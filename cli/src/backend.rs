//! The places where topics and tables are: the files of local mode, or real servers.
//!
//! A place hands out the worker's own implementations of its seams, so that everything else is the same for all.

#[cfg(feature = "cassandra")]
mod cassandra;
mod embedded;
#[cfg(feature = "kafka")]
mod kafka;

use userstream_crds::model::Pipeline;
use userstream_worker::log::{Consumer, LogError, Producer};
use userstream_worker::provision::{AdminError, Claims, TableAdmin, TopicAdmin};
use userstream_worker::sqlite::DataDirectoryError;
use userstream_worker::table::{Table, WriteError};

#[cfg(feature = "cassandra")]
pub(crate) use cassandra::CassandraBackend;
pub(crate) use embedded::{EmbeddedLogBackend, EmbeddedTableBackend};
#[cfg(feature = "kafka")]
pub(crate) use kafka::KafkaBackend;

use crate::arguments::ServerArguments;
use crate::exit::Exit;

/// A place for topics.
#[allow(async_fn_in_trait, reason = "everything runs on one thread; futures need not be Send")]
pub(crate) trait LogBackend {
    type Admin: TopicAdmin;
    type Consumer: Consumer;
    type Producer: Producer;

    /// What provisions topics.
    async fn admin(&self) -> Result<Self::Admin, BackendError>;
    /// A member of the pipeline's consumer group.
    async fn consumer(&self) -> Result<Self::Consumer, BackendError>;
    /// What appends, and keeps the source's position.
    async fn producer(&self) -> Result<Self::Producer, BackendError>;
}

/// A place for tables.
#[allow(async_fn_in_trait, reason = "everything runs on one thread; futures need not be Send")]
pub(crate) trait TableBackend {
    type Admin: TableAdmin + Claims;
    type Table: Table;

    /// What provisions keyspaces and tables.
    async fn admin(&self) -> Result<Self::Admin, BackendError>;
    /// The pipeline's table, which was provisioned.
    async fn table(&self) -> Result<Self::Table, BackendError>;
}

/// Puts the servers of the command line in the place of those that the pipeline names.
pub(crate) fn point_at_servers(pipeline: &mut Pipeline, servers: &ServerArguments) {
    if let Some(kafka) = &servers.kafka {
        pipeline.kafka.bootstrap_servers = vec![kafka.clone()];
    }
    if let Some(cassandra) = &servers.cassandra {
        pipeline.cassandra.contact_points = vec![cassandra.clone()];
    }
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    /// The directory of local mode cannot be used.
    #[error(transparent)]
    Data(#[from] DataDirectoryError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The table cannot be used.
    #[error(transparent)]
    Table(#[from] WriteError),
    /// What provisions cannot be used.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A real server's client cannot be started.
    #[cfg(any(feature = "kafka", feature = "cassandra"))]
    #[error("{server} cannot be used: {source}")]
    Client {
        /// The server.
        server: &'static str,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This `usp` was built without the client.
    #[cfg(not(all(feature = "kafka", feature = "cassandra")))]
    #[error(
        "this usp was built without the {server} client, which takes long to compile; build one that has it with: cargo \
         build --release -p userstream-cli --features {feature}"
    )]
    NotBuilt {
        /// The server.
        server: &'static str,
        /// The cargo feature that brings the client.
        feature: &'static str,
    },
}

impl BackendError {
    /// How a command ends that needed the place.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Data(DataDirectoryError::InUse { .. }) => Exit::Unavailable,
            Self::Data(DataDirectoryError::Io { .. }) => Exit::Configuration,
            Self::Log(error) if error.is_retryable() => Exit::Unavailable,
            Self::Log(_) => Exit::Configuration,
            Self::Admin(error) if error.is_retryable() => Exit::Unavailable,
            Self::Admin(_) => Exit::Configuration,
            Self::Table(_) => Exit::Unavailable,
            #[cfg(any(feature = "kafka", feature = "cassandra"))]
            Self::Client { .. } => Exit::Unavailable,
            #[cfg(not(all(feature = "kafka", feature = "cassandra")))]
            Self::NotBuilt { .. } => Exit::Configuration,
        }
    }
}
