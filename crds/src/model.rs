//! The validated pipeline, which the worker and the operator work with.
//!
//! Only [`validate`](crate::validate::validate) makes a [`Pipeline`]. Its names are checked newtypes. Fields are
//! referenced by their index in [`Pipeline::fields`], columns by theirs in [`Table::columns`]. Optional sections have
//! their defaults, and alternatives are enums. So no code reads the spec again.

mod autoscaling;
pub mod claims;
pub mod field_kinds;
mod kafka;
mod pipeline;
mod processor;
mod record;
mod source;
mod table;

pub use autoscaling::Autoscaling;
pub use kafka::{DeadLetterTopic, Kafka, KafkaTls, LARGEST_APPEND, OnError, Sasl, Topic};
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
