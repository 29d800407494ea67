//! The validated pipeline: what the worker and the operator work with.
//!
//! A [`Pipeline`] comes from [`validate`](crate::validate::validate) alone. Names in it are newtypes that were checked,
//! fields are referred to by their index in [`Pipeline::fields`], columns by theirs in [`Table::columns`], optional
//! sections have their defaults, and what excludes each other is an enum. Nothing has to look at the spec again.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};
use std::time::Duration;

use jiff::Timestamp;

use crate::expression::Expression;
use crate::identifier::{
    DatacenterName, GroupId, HostPort, Identifier, NamespaceName, PipelineName, SecretName, TopicName,
};
use crate::path::RecordPath;

pub use crate::delivery::Guarantee;
pub use crate::kafka::{AdoptionPolicy, Compression, DeletionPolicy, SaslMechanism, TopicManagementPolicy};
pub use crate::operation::{LogLevel, TemplateSpec};
pub use crate::pipeline::Mode;
pub use crate::record_schema::{Compatibility, FieldType};
pub use crate::sink::{Consistency, CqlType, Evolution, KeyspaceManagementPolicy, ReplicationClass};
pub use crate::source::{ConcurrencyPolicy, Emit, HttpMethod};
pub use crate::starting_offsets::StartingOffsets;

/// A pipeline that breaks no rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The namespace it lives in.
    pub namespace: NamespaceName,
    /// Its name.
    pub name: PipelineName,
    /// Whether its work is stopped.
    pub suspend: bool,
    /// Whether changes are made or only planned.
    pub mode: Mode,
    /// Where records come from; `None` where others fill the topic.
    pub source: Option<Source>,
    /// How records are encoded on the topic.
    pub encoding: Encoding,
    /// The fields of a record, in order. There is at least one.
    pub fields: Vec<Field>,
    /// The Kafka cluster and how to speak to it.
    pub kafka: Kafka,
    /// The topic that carries the records.
    pub topic: Topic,
    /// The compacted topic that keeps the source's position; `None` where there is no position to keep.
    pub positions_topic: Option<TopicName>,
    /// The index of the field that is the key of a record on the topic.
    pub key_field: Option<usize>,
    /// From the topic to the table.
    pub processor: Processor,
    /// The Cassandra cluster and how to speak to it.
    pub cassandra: Cassandra,
    /// The keyspace of the table.
    pub keyspace: Keyspace,
    /// The table that records end in.
    pub table: Table,
    /// What is guaranteed.
    pub guarantee: Guarantee,
    /// What becomes of a record that fails.
    pub on_error: OnError,
    /// The part of the topic that is sent through the processor again.
    pub replay: Replay,
    /// How processors are scaled; `None` while autoscaling is off.
    pub autoscaling: Option<Autoscaling>,
    /// How old a record may be when its row is written; `None` without an objective.
    pub freshness: Option<Duration>,
    /// How much the worker logs.
    pub log_level: LogLevel,
    /// Whether a PodMonitor is created.
    pub pod_monitor: bool,
    /// What is set on every pod.
    pub template: TemplateSpec,
}

impl Pipeline {
    /// The dead-letter topic, where records that fail go there.
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

/// Where records come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// When it fetches.
    pub cadence: Cadence,
    /// What it fetches from.
    pub kind: SourceKind,
    /// A new value runs the producer once, now.
    pub trigger_nonce: i64,
}

/// When a source fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// All the time, so often. The interval is not zero.
    Continuous {
        /// The time from the start of one run to the start of the next.
        interval: Duration,
    },
    /// At the times of a schedule, one run each.
    Scheduled(Schedule),
}

/// When a scheduled source runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The cron expression as it was written.
    pub cron: String,
    /// The name of its time zone in the IANA database.
    pub time_zone: String,
    /// What happens when a run is due while the last one still works.
    pub concurrency_policy: ConcurrencyPolicy,
    /// How late a run may still start.
    pub starting_deadline: Duration,
    /// How many finished runs are kept.
    pub successful_jobs_history_limit: u32,
    /// How many failed runs are kept.
    pub failed_jobs_history_limit: u32,
}

/// What a source fetches from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// An HTTP API.
    Http(Box<HttpSource>),
    /// Users made up on the spot.
    Generator(Generator),
}

/// An HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSource {
    /// The address, http or https, without user info or fragment; the query parameters of the spec are not in it.
    pub url: url::Url,
    /// The request method.
    pub method: HttpMethod,
    /// The body of a POST request.
    pub body: Option<String>,
    /// Query parameters to add.
    pub query: BTreeMap<String, String>,
    /// Request headers; the names are valid, lower-case and carry no credentials, the values are visible ASCII.
    pub headers: BTreeMap<String, String>,
    /// How long one exchange may take, from connecting to the last byte.
    pub timeout: Duration,
    /// The largest body that is read, in bytes after decompression.
    pub max_response_bytes: u64,
    /// Where the array of records is; `None`: the body is one record or an array.
    pub records_path: Option<RecordPath>,
    /// How more than one page is handed out.
    pub pagination: Pagination,
    /// Which responses become records.
    pub emit: Emit,
    /// How requests authenticate.
    pub auth: HttpAuth,
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
    /// How often requests are sent at most.
    pub rate_limit: RateLimit,
    /// How failed requests are tried again.
    pub retry: Retry,
}

/// How an API hands out more than one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pagination {
    /// One request a run.
    None,
    /// A query parameter counts pages; an empty page is the last.
    Page {
        /// The query parameter.
        parameter: String,
        /// The number of the first page.
        first: u64,
        /// How many pages one run fetches at most.
        max_pages: NonZeroU32,
    },
    /// Each body names the next cursor.
    Cursor {
        /// The query parameter.
        parameter: String,
        /// Where the next cursor is in the body.
        path: RecordPath,
        /// How many pages one run fetches at most.
        max_pages: NonZeroU32,
    },
    /// The `Link` header names the next address.
    Link {
        /// How many pages one run fetches at most.
        max_pages: NonZeroU32,
    },
}

/// How requests to an HTTP API authenticate.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAuth {
    /// Not at all.
    None,
    /// With the keys `username` and `password` of the Secret.
    Basic(SecretName),
    /// With the key `token` of the Secret.
    Bearer(SecretName),
    /// With the key `apiKey` of the Secret.
    ApiKey {
        /// The Secret.
        secret: SecretName,
        /// Where the key goes.
        placement: ApiKeyPlacement,
    },
    /// With tokens that are fetched with the keys `clientId` and `clientSecret` of the Secret.
    OAuth2 {
        /// The Secret.
        secret: SecretName,
        /// The address that hands out tokens, http or https.
        token_url: url::Url,
        /// The scopes that are asked for.
        scopes: Vec<String>,
    },
}

/// Where an API key goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyPlacement {
    /// Into this request header, a valid name in lower case.
    Header(String),
    /// Into this query parameter.
    Query(String),
}

/// How often requests are sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests ...
    pub requests: NonZeroU32,
    /// ... in this time, which is not zero.
    pub per: Duration,
}

/// How failed requests are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many times a request is sent, the first time included.
    pub max_attempts: NonZeroU32,
    /// The pause before the second attempt, at most `max_backoff`.
    pub initial_backoff: Duration,
    /// The longest pause between two attempts.
    pub max_backoff: Duration,
}

/// Users made up on the spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Where the sequence of users begins.
    pub seed: i64,
    /// How many users one run makes.
    pub records_per_interval: NonZeroU32,
}

/// How records are encoded on the topic.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// One JSON object a record, registered as a JSON Schema where there is a registry.
    Json(Option<Registry>),
    /// Avro in the Confluent wire format.
    Avro(Registry),
    /// Protobuf in the Confluent wire format.
    Protobuf(Registry),
}

/// A schema registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    /// Its address.
    pub url: url::Url,
    /// The subject of the topic's values.
    pub subject: String,
    /// Which changes it lets through.
    pub compatibility: Compatibility,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name on the topic.
    pub name: Identifier,
    /// Its type.
    pub field_type: FieldType,
    /// Where its value comes from.
    pub origin: Origin,
    /// Whether every record must have it.
    pub required: bool,
}

/// Where the value of a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A place in the source's record.
    Path(RecordPath),
    /// Something that is known about the record.
    Variable(Variable),
    /// An expression over the source's record.
    Expression(Expression),
}

/// What is known about a record beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// When it was fetched. Only with a source.
    FetchedAt,
    /// The key of the Kafka record. Only without a source.
    Key,
    /// The offset of the Kafka record. Only without a source.
    Offset,
    /// The partition of the Kafka record. Only without a source.
    Partition,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 4] = [Self::FetchedAt, Self::Key, Self::Offset, Self::Partition];

    /// The spelling in a resource.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FetchedAt => "$fetchedAt",
            Self::Key => "$key",
            Self::Offset => "$offset",
            Self::Partition => "$partition",
        }
    }
}

/// A Kafka cluster and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// Where to reach it first. There is at least one.
    pub bootstrap_servers: Vec<HostPort>,
    /// How connections are encrypted; `None`: not at all.
    pub tls: Option<KafkaTls>,
    /// How they authenticate.
    pub sasl: Option<Sasl>,
    /// How batches of records are compressed.
    pub compression: Compression,
    /// How long a record waits for others to share a batch.
    pub linger: Duration,
}

/// TLS to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaTls {
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
    /// The Secret with the client certificate; `None`: no mutual TLS.
    pub client: Option<SecretName>,
}

/// SASL to the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// The mechanism.
    pub mechanism: SaslMechanism,
    /// The Secret with the keys `username` and `password`.
    pub secret: SecretName,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it has.
    pub partitions: NonZeroU32,
    /// How many brokers keep a copy; `None`: the broker's default.
    pub replicas: Option<NonZeroU16>,
    /// Settings in Kafka's own names.
    pub config: BTreeMap<String, String>,
    /// Who looks after it.
    pub management: TopicManagementPolicy,
    /// What happens when it exists already.
    pub adoption: AdoptionPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
}

/// From the topic to the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// How many processors there are while autoscaling is off.
    pub replicas: u32,
    /// The consumer group.
    pub consumer_group: GroupId,
    /// Where the group begins at its first start.
    pub starting_offsets: StartingOffsets,
    /// How many records a second all processors read together at most; `None`: no cap.
    pub max_records_per_second: Option<NonZeroU32>,
    /// Which records reach the table; `None`: all.
    pub filter: Option<Expression>,
    /// How far event time has come.
    pub watermark: Option<Watermark>,
    /// For how much event time back a key is remembered; `None`: nothing is dropped.
    pub dedupe_within: Option<Duration>,
    /// Windowed aggregates.
    pub aggregations: Vec<Aggregation>,
}

/// How far event time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The index of the required timestamp field that holds event time.
    pub field: usize,
    /// How far out of order events may come.
    pub max_delay: Duration,
}

/// A windowed aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// Its name.
    pub name: Identifier,
    /// The indexes of the fields whose values make a group.
    pub group_by: Vec<usize>,
    /// The length of a tumbling window, not zero.
    pub window: Duration,
    /// How long after the watermark has passed the end of a window records still change it.
    pub allowed_lateness: Duration,
    /// The columns it computes.
    pub select: Vec<AggregateColumn>,
    /// The table it is written to, in the keyspace of the pipeline.
    pub table: Identifier,
}

/// A column of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateColumn {
    /// The name of the column.
    pub name: Identifier,
    /// What it holds.
    pub function: AggregateFunction,
}

/// What a column of an aggregate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// The number of records.
    Count,
    /// The smallest value of the field with this index.
    Min(usize),
    /// The largest value of the field with this index.
    Max(usize),
    /// The sum of the field with this index, which is a number.
    Sum(usize),
}

/// A Cassandra cluster and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cassandra {
    /// Where to reach it first. There is at least one.
    pub contact_points: Vec<HostPort>,
    /// The datacenter whose nodes are talked to.
    pub local_datacenter: DatacenterName,
    /// How connections are encrypted; `None`: not at all.
    pub tls: Option<CassandraTls>,
    /// The Secret with the keys `username` and `password`; `None`: no authentication.
    pub credentials: Option<SecretName>,
    /// How many replicas acknowledge a row.
    pub consistency: Consistency,
}

/// TLS to the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CassandraTls {
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
}

/// A keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyspace {
    /// Its name.
    pub name: Identifier,
    /// How many copies of a row are kept when it is created.
    pub replication: Replication,
    /// Who looks after it.
    pub management: KeyspaceManagementPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
}

/// How many copies of a row are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replication {
    /// So many in each of these datacenters. There is at least one.
    NetworkTopology(BTreeMap<DatacenterName, NonZeroU16>),
    /// So many anywhere.
    Simple(NonZeroU16),
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The keyspace it is in.
    pub keyspace: Identifier,
    /// Its name.
    pub name: Identifier,
    /// Its columns, in order. There is at least one.
    pub columns: Vec<Column>,
    /// The indexes of the columns of the partition key, in order. There is at least one.
    pub partition_key: Vec<usize>,
    /// The indexes of the columns that order rows within a partition, in order.
    pub clustering_key: Vec<usize>,
    /// How it follows a changed schema.
    pub evolution: Evolution,
    /// Options in CQL's own names.
    pub options: TableOptions,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
    /// What the write time of a row is.
    pub write_time: WriteTime,
}

impl Table {
    /// The indexes of the columns of the primary key, in order.
    pub fn primary_key(&self) -> impl Iterator<Item = usize> + '_ {
        self.partition_key.iter().chain(&self.clustering_key).copied()
    }

    /// The table as CQL takes it: `"keyspace"."name"`.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("{}.{}", self.keyspace.quoted(), self.name.quoted())
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Identifier,
    /// Its type: one of the field type's own, or one that it can be cast to where the resource asks for it.
    pub cql_type: CqlType,
    /// The index of the field that fills it.
    pub field: usize,
}

/// What the write time of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteTime {
    /// The timestamp of the Kafka record.
    LogTimestamp,
    /// The value of the required timestamp field with this index.
    Field(usize),
}

/// Options of a table; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// After how long a row expires, in whole seconds; zero is never.
    pub default_time_to_live: Option<Duration>,
    /// A comment.
    pub comment: Option<String>,
    /// How long a deleted row is remembered, in whole seconds.
    pub gc_grace: Option<Duration>,
    /// The compaction strategy and its settings.
    pub compaction: Option<BTreeMap<String, String>>,
}

/// What becomes of a record that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It goes to this topic.
    DeadLetter(DeadLetterTopic),
    /// It is counted and left out.
    Skip,
    /// It stops the pipeline.
    Fail,
}

/// The topic of records that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it has.
    pub partitions: NonZeroU32,
    /// A new value sends the dead letters through the pipeline again.
    pub redrive_nonce: i64,
}

/// The part of the topic that is sent through the processor again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// A new value starts a replay.
    pub nonce: i64,
    /// The Kafka timestamp to begin at; `None`: the oldest record.
    pub from: Option<Timestamp>,
    /// The Kafka timestamp to end before; `None`: the end when the replay starts.
    pub to: Option<Timestamp>,
    /// How many records a second it reads at most.
    pub max_records_per_second: NonZeroU32,
}

/// How processors are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaling {
    /// The fewest processors.
    pub min_replicas: NonZeroU32,
    /// The most processors, at least `min_replicas` and at most the topic's partitions.
    pub max_replicas: NonZeroU32,
    /// How many records of lag one processor is meant to have.
    pub lag_threshold: NonZeroU64,
    /// How long the lag must be low before processors are taken away.
    pub cooldown: Duration,
    /// The write latency above which no processor is added.
    pub sink_latency_ceiling: Duration,
}
