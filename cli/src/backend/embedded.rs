//! Topics and tables in SQLite files.

use userstream_crds::model::Pipeline;
use userstream_worker::log::embedded::{EmbeddedConsumer, EmbeddedLog, EmbeddedProducer};
use userstream_worker::provision::embedded::{EmbeddedTableAdmin, EmbeddedTopicAdmin};
use userstream_worker::sqlite::DataDirectory;
use userstream_worker::table::embedded::EmbeddedTable;

use super::{BackendError, LogBackend, TableBackend};

/// Topics in `DIR/log.db`.
#[derive(Debug)]
pub(crate) struct EmbeddedLogBackend<'p> {
    pipeline: &'p Pipeline,
    log: EmbeddedLog,
}

impl<'p> EmbeddedLogBackend<'p> {
    /// Opens the log in a data directory.
    pub(crate) fn open(directory: &DataDirectory, pipeline: &'p Pipeline) -> Result<Self, BackendError> {
        Ok(Self { pipeline, log: EmbeddedLog::open(directory)? })
    }
}

impl LogBackend for EmbeddedLogBackend<'_> {
    type Admin = EmbeddedTopicAdmin;
    type Consumer = EmbeddedConsumer;
    type Producer = EmbeddedProducer;

    async fn admin(&self) -> Result<Self::Admin, BackendError> {
        Ok(EmbeddedTopicAdmin::ReadWrite(self.log.clone()))
    }

    async fn consumer(&self) -> Result<Self::Consumer, BackendError> {
        let processor = &self.pipeline.processor;
        Ok(self.log.consumer(
            &self.pipeline.topic.name,
            &processor.consumer_group,
            processor.starting_offsets,
        ))
    }

    async fn producer(&self) -> Result<Self::Producer, BackendError> {
        Ok(self.log.producer(&format!("{}/{}", self.pipeline.namespace, self.pipeline.name)))
    }
}

/// Keyspaces in `DIR/<keyspace>.db`.
#[derive(Debug)]
pub(crate) struct EmbeddedTableBackend<'p> {
    pipeline: &'p Pipeline,
    directory: &'p DataDirectory,
}

impl<'p> EmbeddedTableBackend<'p> {
    /// The keyspaces of a data directory.
    pub(crate) fn new(directory: &'p DataDirectory, pipeline: &'p Pipeline) -> Self {
        Self { pipeline, directory }
    }
}

impl<'p> TableBackend for EmbeddedTableBackend<'p> {
    type Admin = EmbeddedTableAdmin<'p>;
    type Table = EmbeddedTable;

    async fn admin(&self) -> Result<Self::Admin, BackendError> {
        Ok(EmbeddedTableAdmin::ReadWrite(self.directory))
    }

    async fn table(&self) -> Result<Self::Table, BackendError> {
        Ok(EmbeddedTable::open(self.directory, &self.pipeline.table)?)
    }
}
