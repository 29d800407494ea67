//! Cassandra (and ScyllaDB), through the CQL driver.

mod binding;
mod connection;
mod errors;
mod reconnecting_session;
mod session;
mod statement;
mod tls;

use std::path::Path;

use userstream_crds::model::Pipeline;

use crate::record::AsRow;
use crate::security::credentials::{CredentialSource, CredentialWatch};
use crate::table::{Table, WriteError};
use connection::Target;
use reconnecting_session::Keeper;

pub use session::ConnectError;
pub(crate) use session::session;

/// The pipeline's table.
///
/// Keeps a session of its own alive: a new one takes the place of the old when credentials were rotated, and when the
/// old one has reached no node for a while, perhaps because all of them have new addresses.
pub struct CassandraTable {
    keeper: Keeper,
}

impl CassandraTable {
    /// Connects to the pipeline's cluster and prepares the statement. Must be called on a tokio runtime.
    ///
    /// A cluster that cannot be reached, or a table that is not there yet, is an error of [`write`](Table::write) and not
    /// of this: connecting goes on in the background, with growing pauses, until it succeeds.
    ///
    /// # Errors
    /// When credentials are missing, or certificates are none.
    pub async fn connect(pipeline: &Pipeline, secrets: &Path) -> Result<Self, ConnectError> {
        let credentials = CredentialWatch::start(CredentialSource::cassandra(&pipeline.cassandra, secrets))?;
        let target = Target::new(&pipeline.cassandra, &pipeline.table);
        Ok(Self { keeper: Keeper::start(target, credentials).await? })
    }

    /// Why rows cannot be written now, as far as is known: a cause as in the metrics. None when they can. Cheap; asks no
    /// server.
    pub fn trouble(&self) -> Option<&'static str> {
        self.keeper.trouble()
    }
}

impl Table for CassandraTable {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        let connection = self.keeper.connection()?;
        let result = connection.write(rows).await;
        self.keeper.note(&result);
        result
    }
}
