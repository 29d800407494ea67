//! Cassandra (and ScyllaDB), through the CQL driver.

mod binding;
mod connection;
mod error;
mod reconnecting_session;
mod session;
mod statement;
mod tls;

use std::path::Path;
use std::sync::Arc;

use userstream_crds::model::{self, Cassandra, Pipeline};

use crate::record::AsRow;
use crate::security::credentials::{CredentialSource, CredentialWatch};
use crate::table::{Table, WriteError};
use connection::Target;
use reconnecting_session::ReconnectingSession;
use statement::Insert;

pub use session::ConnectError;
pub(crate) use session::session;

/// A session with a cluster, and the prepared statements of its tables. Clones share it.
///
/// A new session replaces the old one when credentials are rotated, and when the old one has reached no node for a
/// while, for example because all nodes have new addresses.
#[derive(Clone)]
pub struct CassandraSession {
    session: Arc<ReconnectingSession>,
}

impl CassandraSession {
    /// Connects to a cluster and prepares the statements of these tables. Must be called on a tokio runtime.
    ///
    /// An unreachable cluster or a missing table is an error of [`write`](Table::write) and not of this: attempts
    /// continue in the background, with exponential backoff, until one succeeds.
    ///
    /// # Errors
    /// When credentials are missing, or certificates are invalid.
    pub async fn connect(
        cassandra: &Cassandra,
        tables: &[&model::Table],
        secrets: &Path,
    ) -> Result<Self, ConnectError> {
        let credentials = CredentialWatch::start(CredentialSource::cassandra(cassandra, secrets))?;
        let target = Target::new(cassandra, tables.iter().map(|table| Insert::into(table)));
        Ok(Self { session: Arc::new(ReconnectingSession::start(target, credentials).await?) })
    }

    /// The table at this index of those that the session was connected with.
    pub fn table(&self, index: usize) -> CassandraTable {
        CassandraTable { session: Arc::clone(&self.session), insert: index }
    }
}

/// One table of a session.
pub struct CassandraTable {
    session: Arc<ReconnectingSession>,
    /// The index of its statement.
    insert: usize,
}

impl CassandraTable {
    /// The pipeline's table, on a new session. See [`CassandraSession::connect`].
    ///
    /// # Errors
    /// When credentials are missing, or certificates are invalid.
    pub async fn connect(pipeline: &Pipeline, secrets: &Path) -> Result<Self, ConnectError> {
        let session = CassandraSession::connect(&pipeline.cassandra, &[&pipeline.table], secrets).await?;
        Ok(session.table(0))
    }

    /// The cause why rows cannot be written now, as in the metrics. `None` as far as is known. Sends no request.
    pub fn unavailable_cause(&self) -> Option<&'static str> {
        Some(self.session.unavailable_cause()?.name())
    }
}

impl Table for CassandraTable {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        Ok(self.session.write(self.insert, rows).await?)
    }
}
