//! A read-only view of a log: for `usp tail`, progress views and tests.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use super::group_offsets::committed_offset;
use super::layout::{self, LayoutError};
use super::store;
use super::topics::{self, EmbeddedTopic};
use crate::record::LogRecord;
use crate::sqlite::{log_path, open_for_reading};

/// A log opened for reading. Another process may write it at the same time.
#[derive(Debug)]
pub struct LogReader {
    connection: Connection,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogReaderError {
    /// The directory has no log yet.
    #[error("there is no log in {0} yet")]
    Missing(std::path::PathBuf),
    /// The topic does not exist.
    #[error("there is no topic {0}")]
    UnknownTopic(String),
    /// The file cannot be read.
    #[error("the log cannot be read: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rusqlite::Error> for LogReaderError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

impl LogReader {
    /// Opens the log of a directory.
    ///
    /// # Errors
    /// When there is no log, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, LogReaderError> {
        let path = log_path(directory);
        if !path.is_file() {
            return Err(LogReaderError::Missing(directory.to_path_buf()));
        }
        let connection = open_for_reading(&path)?;
        layout::check(&connection).map_err(|error| match error {
            LayoutError::Sqlite(error) => error.into(),
            later @ LayoutError::Later { .. } => LogReaderError::Unreadable(later.into()),
        })?;
        Ok(Self { connection })
    }

    /// The names of all topics, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn topics(&self) -> Result<Vec<String>, LogReaderError> {
        Ok(topics::names(&self.connection)?)
    }

    /// The topic with this name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn topic(&self, name: &str) -> Result<Option<EmbeddedTopic>, LogReaderError> {
        Ok(topics::describe(&self.connection, name)?)
    }

    /// The end offset of each partition, by partition. No record is ever deleted, so it is also the number of records.
    ///
    /// # Errors
    /// When the topic does not exist, or the file cannot be read.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<i64>, LogReaderError> {
        Ok(store::end_offsets(&self.connection, self.number(topic)?)?)
    }

    /// At most `max` records of a partition, from an offset on.
    ///
    /// # Errors
    /// When the topic does not exist, or the file cannot be read.
    pub fn records(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
        max: usize,
    ) -> Result<Vec<LogRecord>, LogReaderError> {
        let mut records = Vec::new();
        let (position, mut bytes) = ((partition, offset), usize::MAX);
        store::read(&self.connection, self.number(topic)?, position, max, &mut bytes, &mut records)?;
        Ok(records)
    }

    /// The committed offsets of a group in a topic, by partition.
    ///
    /// # Errors
    /// When the topic does not exist, or the file cannot be read.
    pub fn committed(&self, topic: &str, group: &str) -> Result<BTreeMap<i32, i64>, LogReaderError> {
        let number = self.number(topic)?;
        let mut committed = BTreeMap::new();
        for partition in
            0..i32::try_from(store::end_offsets(&self.connection, number)?.len()).unwrap_or(i32::MAX)
        {
            if let Some(offset) = committed_offset(&self.connection, group, number, partition)? {
                committed.insert(partition, offset);
            }
        }
        Ok(committed)
    }

    fn number(&self, topic: &str) -> Result<store::TopicNumber, LogReaderError> {
        store::topic_number(&self.connection, topic)?
            .ok_or_else(|| LogReaderError::UnknownTopic(topic.to_owned()))
    }
}
