//! Provisioning of topics in local mode.

use std::collections::BTreeMap;
use std::path::PathBuf;

use userstream_crds::identifier::TopicName;

use super::{WHAT, read_only};
use crate::log::LogError;
use crate::log::embedded::{EmbeddedLog, EmbeddedTopic, LogReader, LogReaderError, NewTopic};
use crate::provision::admin::{AdminError, TopicAdmin};
use crate::provision::resource::Owner;
use crate::provision::topic::{DesiredTopic, ObservedTopic};

/// Administers the topics of an embedded log.
#[derive(Debug)]
pub enum EmbeddedTopicAdmin {
    /// A log that may be changed.
    ReadWrite(EmbeddedLog),
    /// A log that is only read, for plans. The directory need not exist.
    ReadOnly(PathBuf),
}

impl EmbeddedTopicAdmin {
    fn open(&self) -> Result<&EmbeddedLog, AdminError> {
        match self {
            Self::ReadWrite(log) => Ok(log),
            Self::ReadOnly(_) => Err(read_only()),
        }
    }
}

impl From<EmbeddedTopic> for ObservedTopic {
    fn from(topic: EmbeddedTopic) -> Self {
        let EmbeddedTopic { id, created_by, partitions, config } = topic;
        // A file has no replicas, so every declared number counts as equal.
        Self { id: Some(id), created_by, partitions, replicas: None, config }
    }
}

impl TopicAdmin for EmbeddedTopicAdmin {
    async fn topic(&self, name: &TopicName) -> Result<Option<ObservedTopic>, AdminError> {
        let topic = match self {
            Self::ReadWrite(log) => log.topic(name.as_str()).await?,
            Self::ReadOnly(directory) => match LogReader::open(directory) {
                Ok(reader) => reader.topic(name.as_str())?,
                Err(LogReaderError::Missing(_)) => None,
                Err(error) => return Err(error.into()),
            },
        };
        Ok(topic.map(Into::into))
    }

    async fn create_topic(&self, topic: &DesiredTopic, owner: &Owner) -> Result<(), AdminError> {
        let topic = NewTopic {
            name: topic.name.to_string(),
            partitions: topic.partitions,
            config: topic.config.clone(),
            created_by: owner.to_string(),
        };
        self.open()?.create_topic(topic).await?;
        Ok(())
    }

    async fn grow_topic(&self, name: &TopicName, partitions: u32) -> Result<(), AdminError> {
        self.open()?.grow_topic(name.as_str(), partitions).await?;
        Ok(())
    }

    async fn configure_topic(
        &self,
        name: &TopicName,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError> {
        self.open()?.configure_topic(name.as_str(), settings.clone()).await?;
        Ok(())
    }

    async fn delete_topic(&self, name: &TopicName, id: &str) -> Result<bool, AdminError> {
        Ok(self.open()?.delete_topic(name.as_str(), id).await?)
    }
}

impl From<LogError> for AdminError {
    fn from(error: LogError) -> Self {
        let (cause, retryable) = (error.cause(), error.is_retryable());
        let source = error.into();
        if retryable {
            Self::Unavailable { what: "the log", cause, source }
        } else {
            Self::Refused { what: "the log", cause, source }
        }
    }
}

impl From<LogReaderError> for AdminError {
    fn from(error: LogReaderError) -> Self {
        Self::Refused { what: WHAT, cause: "unreadable", source: error.into() }
    }
}
