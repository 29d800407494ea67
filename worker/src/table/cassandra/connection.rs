//! A session with the statements that are prepared on it.

use std::sync::Arc;

use scylla::client::session::Session;
use userstream_crds::model::Cassandra;

use super::error::{Cause, Failure};
use super::session::{ConnectError, session};
use super::statement::{Insert, PreparedInsert, StatementError};
use crate::delivery::retry::Retry;
use crate::record::AsRow;
use crate::security::credentials::Credentials;

/// A cluster to connect to, and the statements to prepare.
#[derive(Debug, Clone)]
pub(super) struct Target {
    cassandra: Cassandra,
    inserts: Arc<[Insert]>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// There is no session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A statement cannot be used.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl OpenError {
    /// The cause in metrics.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Connect(ConnectError::Credentials(_) | ConnectError::Tls(_)) => Cause::Credentials,
            Self::Connect(ConnectError::Session(_)) => Cause::Connection,
            Self::Statement(error) => error.cause(),
        }
    }
}

impl Target {
    /// A cluster and the statements of some of its tables.
    pub(super) fn new(cassandra: &Cassandra, inserts: impl IntoIterator<Item = Insert>) -> Self {
        Self { cassandra: cassandra.clone(), inserts: inserts.into_iter().collect() }
    }

    /// Connects and prepares all statements.
    ///
    /// # Errors
    /// When the cluster cannot be reached, or a table is not as the pipeline declares it.
    pub(super) async fn open(&self, credentials: &Credentials) -> Result<Connection, OpenError> {
        let session = session(&self.cassandra, credentials).await?;
        let mut inserts = Vec::with_capacity(self.inserts.len());
        for insert in self.inserts.iter() {
            inserts.push(insert.prepare(&session).await?);
        }
        Ok(Connection { session, inserts })
    }
}

/// The table's statement was not among those of the target.
#[derive(Debug, thiserror::Error)]
#[error("statement {0} was not prepared")]
struct UnknownStatement(usize);

/// A session and its prepared statements.
pub(super) struct Connection {
    session: Session,
    inserts: Vec<PreparedInsert>,
}

impl Connection {
    /// Whether any node is connected.
    pub(super) fn is_connected(&self) -> bool {
        self.session.get_cluster_state().get_nodes_info().iter().any(|node| node.is_connected())
    }

    /// Writes rows of one partition key in one request, with the statement at this index of [`Target::new`].
    ///
    /// # Errors
    /// When the rows may not have been written.
    pub(super) async fn write(&self, insert: usize, rows: &[impl AsRow]) -> Result<(), Failure> {
        match self.inserts.get(insert) {
            Some(insert) => insert.write(&self.session, rows).await,
            None => Err(Failure {
                retry: Retry::Transient,
                cause: Cause::Unprepared,
                source: Box::new(UnknownStatement(insert)),
            }),
        }
    }
}
