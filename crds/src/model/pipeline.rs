//! A pipeline that breaks no rule.

use std::time::Duration;

use crate::resource::observability::LogLevel;
use crate::resource::pipeline::Mode;
use crate::resource::template::TemplateSpec;
use crate::scalar::identifier::{NamespaceName, PipelineName, TopicName};

use super::autoscaling::Autoscaling;
use super::kafka::{DeadLetterTopic, Kafka, OnError, Topic};
use super::processor::Processor;
use super::record::{Encoding, Field};
use super::source::Source;
use super::table::{Cassandra, Keyspace, Table};

/// A pipeline that breaks no rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its namespace.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: PipelineName,
    /// Whether it is stopped.
    pub suspend: bool,
    /// Whether changes are made or only computed.
    pub mode: Mode,
    /// Where records come from; `None` where others fill the topic.
    pub source: Option<Source>,
    /// The encoding of records on the topic.
    pub encoding: Encoding,
    /// The fields of a record, in order. There is at least one.
    pub fields: Vec<Field>,
    /// The Kafka cluster and how to connect to it.
    pub kafka: Kafka,
    /// The topic that carries the records.
    pub topic: Topic,
    /// The compacted topic that stores the source's position; `None` where there is no position.
    pub positions_topic: Option<TopicName>,
    /// The index of the field that is the key of a record on the topic; `None`: records have no key.
    pub key_field: Option<usize>,
    /// From the topic to the table.
    pub processor: Processor,
    /// The Cassandra cluster and how to connect to it.
    pub cassandra: Cassandra,
    /// The keyspace of the table.
    pub keyspace: Keyspace,
    /// The table that records end in.
    pub table: Table,
    /// What happens to a record that fails.
    pub on_error: OnError,
    /// How processors are scaled; `None` while autoscaling is off.
    pub autoscaling: Option<Autoscaling>,
    /// The age that 99 of 100 rows have at most when they are written; `None` without an objective.
    pub freshness: Option<Duration>,
    /// The log level of the workers.
    pub log_level: LogLevel,
    /// Whether a PodMonitor is created.
    pub pod_monitor: bool,
    /// Settings of every pod.
    pub template: TemplateSpec,
}

impl Pipeline {
    /// The dead-letter topic; `None` where failed records are not kept.
    #[must_use]
    pub fn dead_letter(&self) -> Option<&DeadLetterTopic> {
        match &self.on_error {
            OnError::DeadLetter(topic) => Some(topic),
            OnError::Skip | OnError::Fail => None,
        }
    }

    /// The index of the field with this name.
    #[must_use]
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name.as_str() == name)
    }
}
