//! A session together with the prepared statement: what rows are written through.

use std::sync::{Arc, Mutex, PoisonError};

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use userstream_crds::model::{Cassandra, Table};

use super::binding::{Binding, Bound};
use super::errors::{Nature, judge, prepare, write_error};
use super::session::{ConnectError, session};
use super::statement::insert;
use crate::record::AsRow;
use crate::security::credentials::Credentials;
use crate::table::WriteError;

/// Batches of up to so many rows are made once and kept.
const KEPT_BATCHES: usize = 64;

/// What to write to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    cassandra: Cassandra,
    statement: String,
    binding: Binding,
    table: String,
}

/// Why rows cannot be written for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// There is no session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server does not take the statement.
    #[error("the statement for {table} cannot be prepared: {source}")]
    Prepare {
        /// The table.
        table: String,
        /// What the server says.
        source: PrepareError,
    },
    /// The server takes the statement for another one.
    #[error("the columns of {table} have other types than the pipeline's")]
    OtherTypes {
        /// The table.
        table: String,
    },
}

impl OpenError {
    /// The name of the cause for metrics.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Connect(ConnectError::Credentials(_) | ConnectError::Tls(_)) => "credentials",
            Self::Connect(ConnectError::Session(_)) => "connection",
            Self::Prepare { source, .. } => prepare(source),
            Self::OtherTypes { .. } => "schema",
        }
    }
}

impl Target {
    /// A table of a cluster.
    pub(super) fn new(cassandra: &Cassandra, table: &Table) -> Self {
        Self {
            cassandra: cassandra.clone(),
            statement: insert(table),
            binding: Binding::of(table),
            table: table.quoted(),
        }
    }

    /// Connects and prepares the statement.
    ///
    /// # Errors
    /// When the cluster cannot be reached, or the table is not as it should be.
    pub(super) async fn open(&self, credentials: &Credentials) -> Result<Connection, OpenError> {
        let session = session(&self.cassandra, credentials).await?;
        let prepared = self.prepare(&session).await?;
        Ok(Connection { target: self.clone(), session, prepared, batches: Mutex::default() })
    }

    async fn prepare(&self, session: &Session) -> Result<PreparedStatement, OpenError> {
        let mut prepared = session
            .prepare(self.statement.as_str())
            .await
            .map_err(|source| OpenError::Prepare { table: self.table.clone(), source })?;
        prepared.set_is_idempotent(true);
        if !self.binding.fits(prepared.get_variable_col_specs().iter().map(|value| value.typ())) {
            return Err(OpenError::OtherTypes { table: self.table.clone() });
        }
        Ok(prepared)
    }
}

/// A session and the statement.
pub(super) struct Connection {
    target: Target,
    session: Session,
    prepared: PreparedStatement,
    /// The batch of so many rows, less one, at each index.
    batches: Mutex<Vec<Option<Arc<Batch>>>>,
}

impl Connection {
    /// Whether any node is connected.
    pub(super) fn is_connected(&self) -> bool {
        self.session.get_cluster_state().get_nodes_info().iter().any(|node| node.is_connected())
    }

    /// Writes rows of one partition key in one request.
    ///
    /// # Errors
    /// When they may not have been written.
    pub(super) async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        let binding = &self.target.binding;
        let result = match rows {
            [] => return Ok(()),
            [row] => self.session.execute_unpaged(&self.prepared, Bound { row: row.as_row(), binding }).await,
            rows => {
                let values: Vec<Bound<'_>> =
                    rows.iter().map(|row| Bound { row: row.as_row(), binding }).collect();
                self.session.batch(&self.batch(rows.len()), values).await
            }
        };
        let Err(error) = result else { return Ok(()) };
        match judge(&error) {
            (Nature::Invalid, cause) => match self.target.prepare(&self.session).await {
                Ok(_) => Err(write_error(error, Nature::OfTheRows, cause)),
                Err(altered) => {
                    Err(WriteError::Unavailable { cause: altered.cause(), source: Box::new(altered) })
                }
            },
            (nature, cause) => Err(write_error(error, nature, cause)),
        }
    }

    /// The batch of so many rows. All of them share a partition key: to the server it is one mutation, without a log.
    fn batch(&self, rows: usize) -> Arc<Batch> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if batches.len() < rows.min(KEPT_BATCHES) {
            batches.resize(rows.min(KEPT_BATCHES), None);
        }
        match rows.checked_sub(1).and_then(|index| batches.get_mut(index)) {
            Some(kept) => Arc::clone(kept.get_or_insert_with(|| self.new_batch(rows))),
            None => self.new_batch(rows),
        }
    }

    fn new_batch(&self, rows: usize) -> Arc<Batch> {
        let statement = BatchStatement::PreparedStatement(self.prepared.clone());
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, vec![statement; rows]);
        batch.set_is_idempotent(true);
        Arc::new(batch)
    }
}
