//! The validated pipeline: what the worker and the operator work with.
//!
//! A [`Pipeline`] comes from [`validate`](crate::validate::validate) alone. Names in it are newtypes that were checked,
//! fields are referred to by their index in [`Pipeline::fields`], columns by theirs in [`Table::columns`], optional
//! sections have their defaults, and what excludes each other is an enum. Nothing has to look at the spec again.

mod autoscaling;
pub mod claims;
mod kafka;
mod pipeline;
mod processor;
mod record;
mod source;
mod table;

pub use autoscaling::Autoscaling;
pub use kafka::{DeadLetterTopic, Kafka, KafkaTls, OnError, Sasl, Topic};
pub use pipeline::Pipeline;
pub use processor::Processor;
pub use record::{Encoding, Field, Origin, Variable};
pub use source::{
    ApiKeyPlacement, Cadence, Generator, HttpAuth, HttpSource, Pagination, RateLimit, Retry, Schedule,
    Source, SourceKind,
};
pub use table::{Cassandra, CassandraTls, Column, Keyspace, Replication, Table, TableOptions, WriteTime};

pub use crate::resource::kafka::{
    AdoptionPolicy, Compression, DeletionPolicy, SaslMechanism, TopicManagementPolicy,
};
pub use crate::resource::observability::LogLevel;
pub use crate::resource::pipeline::Mode;
pub use crate::resource::record_schema::FieldType;
pub use crate::resource::sink::{Consistency, CqlType, Evolution, KeyspaceManagementPolicy};
pub use crate::resource::source::{ConcurrencyPolicy, Emit, HttpMethod};
pub use crate::resource::template::TemplateSpec;
pub use crate::scalar::starting_offsets::StartingOffsets;
