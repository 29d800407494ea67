//! Topics and tables in the files of local mode.

use userstream_crds::model::Pipeline;
use userstream_worker::log::embedded::{EmbeddedConsumer, EmbeddedLog, EmbeddedProducer};
use userstream_worker::provision::embedded::{EmbeddedTableAdmin, EmbeddedTopicAdmin};
use userstream_worker::sqlite::DataDirectory;
use userstream_worker::table::embedded::EmbeddedTable;

use super::{LogPlace, PlaceError, TablePlace};

/// Topics in `DIR/log.db`.
#[derive(Debug)]
pub(crate) struct EmbeddedLogPlace<'p> {
    pipeline: &'p Pipeline,
    log: EmbeddedLog,
}

impl<'p> EmbeddedLogPlace<'p> {
    /// The log of a directory, for a pipeline.
    pub(crate) fn open(directory: &DataDirectory, pipeline: &'p Pipeline) -> Result<Self, PlaceError> {
        Ok(Self { pipeline, log: EmbeddedLog::open(directory)? })
    }
}

impl LogPlace for EmbeddedLogPlace<'_> {
    type Admin = EmbeddedTopicAdmin;
    type Consumer = EmbeddedConsumer;
    type Producer = EmbeddedProducer;

    async fn admin(&self) -> Result<Self::Admin, PlaceError> {
        Ok(EmbeddedTopicAdmin::ReadWrite(self.log.clone()))
    }

    async fn consumer(&self) -> Result<Self::Consumer, PlaceError> {
        let processor = &self.pipeline.processor;
        Ok(self.log.consumer(
            &self.pipeline.topic.name,
            &processor.consumer_group,
            processor.starting_offsets,
        ))
    }

    async fn producer(&self) -> Result<Self::Producer, PlaceError> {
        Ok(self.log.producer(&format!("{}/{}", self.pipeline.namespace, self.pipeline.name)))
    }
}

/// Keyspaces in `DIR/<keyspace>.db`.
#[derive(Debug)]
pub(crate) struct EmbeddedTablePlace<'p> {
    pipeline: &'p Pipeline,
    directory: &'p DataDirectory,
}

impl<'p> EmbeddedTablePlace<'p> {
    /// The keyspaces of a directory, for a pipeline.
    pub(crate) fn new(directory: &'p DataDirectory, pipeline: &'p Pipeline) -> Self {
        Self { pipeline, directory }
    }
}

impl<'p> TablePlace for EmbeddedTablePlace<'p> {
    type Admin = EmbeddedTableAdmin<'p>;
    type Table = EmbeddedTable;

    async fn admin(&self) -> Result<Self::Admin, PlaceError> {
        Ok(EmbeddedTableAdmin::ReadWrite(self.directory))
    }

    async fn table(&self) -> Result<Self::Table, PlaceError> {
        Ok(EmbeddedTable::open(self.directory, &self.pipeline.table)?)
    }
}
