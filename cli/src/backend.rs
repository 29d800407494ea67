//! Backends of topics and tables: SQLite files, or real servers.
//!
//! A backend creates the worker's implementations of log and table, so that all other code is the same for every backend.

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

/// A backend of topics.
#[allow(async_fn_in_trait, reason = "everything runs on one thread; futures need not be Send")]
pub(crate) trait LogBackend {
    type Admin: TopicAdmin;
    type Consumer: Consumer;
    type Producer: Producer;

    /// Creates the client that provisions topics.
    async fn admin(&self) -> Result<Self::Admin, BackendError>;
    /// Creates a member of the pipeline's consumer group.
    async fn consumer(&self) -> Result<Self::Consumer, BackendError>;
    /// Creates the producer, which also stores the position of the source.
    async fn producer(&self) -> Result<Self::Producer, BackendError>;
}

/// A backend of tables.
#[allow(async_fn_in_trait, reason = "everything runs on one thread; futures need not be Send")]
pub(crate) trait TableBackend {
    type Admin: TableAdmin + Claims;
    type Table: Table;

    /// Creates the client that provisions keyspaces and tables.
    async fn admin(&self) -> Result<Self::Admin, BackendError>;
    /// Opens the table of the pipeline, which must be provisioned.
    async fn table(&self) -> Result<Self::Table, BackendError>;
}

/// Replaces the servers of the pipeline by those of the command line.
pub(crate) fn override_servers(pipeline: &mut Pipeline, servers: &ServerArguments) {
    if let Some(kafka) = &servers.kafka {
        pipeline.kafka.bootstrap_servers = vec![kafka.clone()];
    }
    if let Some(cassandra) = &servers.cassandra {
        pipeline.cassandra.contact_points = vec![cassandra.clone()];
    }
}

/// Why a backend cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataDirectoryError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The table cannot be used.
    #[error(transparent)]
    Table(#[from] WriteError),
    /// The provisioning client cannot be used.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The client of a server cannot be created.
    #[cfg(any(feature = "kafka", feature = "cassandra"))]
    #[error("cannot connect to {server}: {source}")]
    Client {
        /// The server.
        server: &'static str,
        /// The error of the client.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This `usp` is built without the client.
    #[cfg(not(all(feature = "kafka", feature = "cassandra")))]
    #[error(
        "this usp is built without the {server} client; build one that has it: cargo build --release -p userstream-cli \
         --features {feature}"
    )]
    NotBuilt {
        /// The server.
        server: &'static str,
        /// The cargo feature of the client.
        feature: &'static str,
    },
}

impl BackendError {
    /// The exit code of a command that needs the backend.
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
