//! The log of local mode: topics in one SQLite file, `DIR/log.db`.
//!
//! It gives the guarantees of Kafka that a pipeline depends on. An append is acknowledged as a whole and survives the
//! process. Records of one key share a partition, the one that Kafka's default partitioner chooses. A partition is read
//! in order, by one member of a group at a time. Committed offsets and their metadata survive.
//!
//! Retention and compaction have no effect, every record keeps the timestamp of its append, and all members of a group
//! run in one process.

mod consumer;
mod error;
mod group;
mod group_offsets;
mod headers;
mod layout;
mod partitioner;
mod producer;
mod reader;
mod shared;
mod starting_points;
mod store;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use userstream_crds::identifier::{GroupId, TopicName};
use userstream_crds::starting_offsets::StartingOffsets;

use crate::log::LogError;
use crate::sqlite::{DataDirectory, Database, DatabaseError, log_path, open_for_writing};

pub use consumer::EmbeddedConsumer;
pub use producer::EmbeddedProducer;
pub use reader::{LogReader, LogReaderError};
pub use topics::{EmbeddedTopic, NewTopic};

use layout::LayoutError;
use shared::Shared;

/// The embedded log, open for reading and writing. Clones share it.
#[derive(Debug, Clone)]
pub struct EmbeddedLog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    shared: Arc<Shared>,
}

/// The topic does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no topic {0}")]
struct UnknownTopic(String);

impl EmbeddedLog {
    /// Opens the log of a directory, and creates it if it is missing.
    ///
    /// # Errors
    /// When the file cannot be opened, or was written by a later version.
    pub fn open(directory: &DataDirectory) -> Result<Self, LogError> {
        let mut connection = open_for_writing(&log_path(directory.path()))?;
        layout::prepare(&mut connection).map_err(layout_error)?;
        let database = Database::spawn("log.db", connection)
            .map_err(|source| LogError::Unavailable { cause: "no_thread", source: source.into() })?;
        Ok(Self { inner: Arc::new(Inner { database, shared: Arc::default() }) })
    }

    /// A member of a consumer group on a topic. It joins at once.
    pub fn consumer(
        &self,
        topic: &TopicName,
        group: &GroupId,
        starting: StartingOffsets,
    ) -> EmbeddedConsumer {
        EmbeddedConsumer::join(Arc::clone(&self.inner), topic, group, starting)
    }

    /// A producer that stores the source position of this pipeline, given as `namespace/name`.
    pub fn producer(&self, pipeline: &str) -> EmbeddedProducer {
        EmbeddedProducer::new(Arc::clone(&self.inner), pipeline)
    }

    /// The topic with this name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn topic(&self, name: &str) -> Result<Option<EmbeddedTopic>, LogError> {
        let name = name.to_owned();
        self.inner.call(move |connection| topics::describe(connection, &name)).await
    }

    /// Creates a topic. False, without a change, when one with this name exists.
    ///
    /// # Errors
    /// When it may not have been created.
    pub async fn create_topic(&self, topic: NewTopic) -> Result<bool, LogError> {
        self.inner.call(move |connection| topics::create(connection, &topic)).await
    }

    /// Adds partitions to a topic up to this number. False, without a change, when it has as many or does not exist.
    ///
    /// # Errors
    /// When the partitions may not have been added.
    pub async fn grow_topic(&self, name: &str, partitions: u32) -> Result<bool, LogError> {
        let name = name.to_owned();
        let shared = Arc::clone(&self.inner.shared);
        let task = move |connection: &mut rusqlite::Connection| {
            let end_offsets = topics::grow(connection, &name, partitions)?;
            if let Some(end_offsets) = &end_offsets {
                shared.set_end_offsets(&name, end_offsets);
            }
            Ok(end_offsets.is_some())
        };
        self.inner.call(task).await
    }

    /// Sets some settings of a topic and keeps the others. False when the topic does not exist.
    ///
    /// # Errors
    /// When the settings may not have been changed.
    pub async fn configure_topic(
        &self,
        name: &str,
        settings: BTreeMap<String, String>,
    ) -> Result<bool, LogError> {
        let name = name.to_owned();
        self.inner.call(move |connection| topics::configure(connection, &name, &settings)).await
    }

    /// Deletes a topic with its records and committed offsets, if it has this id. False when it does not.
    ///
    /// # Errors
    /// When the topic may not have been deleted.
    pub async fn delete_topic(&self, name: &str, id: &str) -> Result<bool, LogError> {
        let (name, id) = (name.to_owned(), id.to_owned());
        self.inner.call(move |connection| topics::delete(connection, &name, &id)).await
    }
}

impl Inner {
    /// Runs a task on the thread of the database.
    async fn call<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, LogError> {
        Ok(self.database.call(move |connection| task(connection).map_err(DatabaseError::from)).await?)
    }
}

fn layout_error(error: LayoutError) -> LogError {
    match error {
        LayoutError::Sqlite(error) => error.into(),
        later @ LayoutError::Later { .. } => {
            LogError::Refused { cause: "later_version", source: later.into() }
        }
    }
}

fn unknown_topic(topic: &str) -> LogError {
    LogError::Refused { cause: "unknown_topic", source: UnknownTopic(topic.to_owned()).into() }
}

#[cfg(test)]
mod tests;
