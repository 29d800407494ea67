//! Tables in a real Cassandra.

use std::path::Path;

use userstream_crds::model::Pipeline;
use userstream_worker::provision::cassandra::CassandraTableAdmin;
use userstream_worker::table::cassandra::CassandraTable;

use super::{PlaceError, TablePlace};

/// The cluster that a pipeline names.
#[derive(Debug)]
pub(crate) struct CassandraPlace<'p> {
    pipeline: &'p Pipeline,
    secrets: &'p Path,
}

impl<'p> CassandraPlace<'p> {
    /// The cluster of a pipeline, with the Secrets in this folder. Nothing is dialled yet.
    pub(crate) fn new(pipeline: &'p Pipeline, secrets: &'p Path) -> Self {
        Self { pipeline, secrets }
    }
}

fn client(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PlaceError {
    PlaceError::Client { server: "Cassandra", source: error.into() }
}

impl TablePlace for CassandraPlace<'_> {
    type Admin = CassandraTableAdmin;
    type Table = CassandraTable;

    async fn admin(&self) -> Result<Self::Admin, PlaceError> {
        CassandraTableAdmin::connect(self.pipeline, self.secrets).await.map_err(client)
    }

    async fn table(&self) -> Result<Self::Table, PlaceError> {
        CassandraTable::connect(self.pipeline, self.secrets).await.map_err(client)
    }
}
