//! Tables in a Cassandra cluster.

use std::path::Path;

use userstream_crds::model::Pipeline;
use userstream_worker::provision::cassandra::CassandraTableAdmin;
use userstream_worker::table::cassandra::CassandraTable;

use super::{BackendError, TableBackend};

/// The Cassandra cluster of a pipeline.
#[derive(Debug)]
pub(crate) struct CassandraBackend<'p> {
    pipeline: &'p Pipeline,
    secrets: &'p Path,
}

impl<'p> CassandraBackend<'p> {
    /// Creates the backend without connecting. `secrets` is the directory of Secrets.
    pub(crate) fn new(pipeline: &'p Pipeline, secrets: &'p Path) -> Self {
        Self { pipeline, secrets }
    }
}

fn client(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BackendError {
    BackendError::Client { server: "Cassandra", source: error.into() }
}

impl TableBackend for CassandraBackend<'_> {
    type Admin = CassandraTableAdmin;
    type Table = CassandraTable;

    async fn admin(&self) -> Result<Self::Admin, BackendError> {
        CassandraTableAdmin::connect(self.pipeline, self.secrets).await.map_err(client)
    }

    async fn table(&self) -> Result<Self::Table, BackendError> {
        CassandraTable::connect(self.pipeline, self.secrets).await.map_err(client)
    }
}
