//! The rules of the resource: one constant each, with the text that users read.

mod unsupported;

use serde_json::{Value, json};

pub use unsupported::{Accepted, UNSUPPORTED, Unsupported};

/// A rule. The CRD has the same text, where CEL can express the rule, as [`validate`](crate::validate) reports.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule's number in the documentation, or the part of the resource that it is about.
    pub code: &'static str,
    /// What is wrong, then the way out.
    pub message: &'static str,
}

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    DECLARED.iter().copied().chain(UNSUPPORTED.iter().map(|entry| &entry.rule))
}

/// A rule of the CRD, with its condition in CEL.
pub(crate) fn cel(rule: &Rule, expression: &str) -> Value {
    json!({"rule": expression, "message": rule.message})
}

/// [`POSITIVE_DURATION`] in CEL.
pub(crate) fn positive_duration() -> Value {
    cel(&POSITIVE_DURATION, "self.matches('[1-9]')")
}

/// An identifier in CEL.
pub(crate) const IDENTIFIER_CEL: &str = "self.matches('^[a-z][a-z0-9_]{0,47}$')";

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: Rule = Rule { code: $code, message: $message };
        )*

        const DECLARED: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    /// A topic keeps its name.
    TOPIC_NAME_KEPT = "R1", "kafka.topic.name cannot change; create another pipeline for another topic";
    /// Partitions are only added.
    PARTITIONS_GROW = "R1", "kafka.topic.partitions cannot shrink, since Kafka only adds partitions; keep the number, or create another pipeline with another topic";
    /// A group keeps its offsets.
    CONSUMER_GROUP_KEPT = "R1", "processor.consumerGroup cannot change; create another pipeline for another group";
    /// A keyspace keeps its name.
    KEYSPACE_NAME_KEPT = "R1", "sink.cassandra.keyspace.name cannot change; create another pipeline for another keyspace";
    /// A table keeps its name.
    TABLE_NAME_KEPT = "R1", "sink.cassandra.table.name cannot change; create another pipeline for another table";
    /// A table keeps its primary key.
    KEY_KEPT = "R1", "partitionKey and clusteringKey cannot change; create another pipeline with another table";
    /// A topic keeps the key of its records.
    KEY_FIELD_KEPT = "R1", "kafka.keyField cannot change, since records of one key would lose their order; create another pipeline with another topic";
    /// Columns are only added, and keep their types.
    COLUMNS_KEPT = "R1", "a column cannot be removed and cannot change its type; restore it (or its field, where columns are not listed), and add another column for another type";
    /// Key columns have a value in every record.
    KEY_COLUMN_REQUIRED = "R2", "a key column must come from a field with required: true; set it on the field, or choose another key column";
    /// Key columns exist.
    KEY_COLUMN_EXISTS = "R2", "partitionKey and clusteringKey must name columns of the table; add the column, or correct the name";
    /// A column is in the key once.
    KEY_COLUMN_ONCE = "R2", "a column can be in the key only once; remove it from partitionKey or clusteringKey";
    /// The key of a record has a value in every record.
    KEY_FIELD_REQUIRED = "R2", "kafka.keyField must name a field of schema.fields with required: true; set it on the field, or name another field";
    /// Types of fields and columns fit.
    COLUMN_TYPE_FITS = "R3", "the column's type cannot hold the field's type; remove type for the natural one, or set cast: true where a conversion exists (uuid: uuid; string: text, ascii; int: int, bigint, varint; long: bigint, varint; double: double; decimal: decimal; boolean: boolean; timestamp: timestamp; date: date; bytes: blob)";
    /// Every column has a field.
    COLUMN_FIELD_EXISTS = "R4", "a column must be filled by a field of schema.fields; add the field, or name another one in the column's field";
    /// Keys are the same whenever a record is read again.
    KEY_FROM_SOURCE_DATA = "R5", "guarantee EffectivelyOnce needs key columns and a keyField from source data, not from $fetchedAt or $offset; use another field, or set delivery.guarantee: AtLeastOnce";
    /// The write time is part of the record.
    WRITETIME_REQUIRED = "R5", "writetimeFrom must name a field of schema.fields with type: timestamp and required: true; remove it to use the record's Kafka timestamp";
    /// No record is skipped.
    NO_SKIP = "R5", "guarantee EffectivelyOnce cannot skip records; set delivery.onError to DeadLetter or Fail, or delivery.guarantee: AtLeastOnce";
    /// A processor without a partition never becomes ready.
    REPLICAS_WITHIN_PARTITIONS = "R6", "processor.replicas must be at most kafka.topic.partitions, since a processor without a partition never becomes ready; lower it, or add partitions";
    /// The same for those that autoscaling adds.
    MAX_REPLICAS_WITHIN_PARTITIONS = "R6", "autoscaling.maxReplicas must be at most kafka.topic.partitions; lower it, or add partitions";
    /// The range of autoscaling is not empty.
    MIN_REPLICAS_WITHIN_MAX = "R6", "autoscaling.minReplicas must be at most maxReplicas, which is at most kafka.topic.partitions; lower minReplicas";
    /// A topic can be written to.
    MIN_INSYNC_WITHIN_REPLICAS = "R7", "min.insync.replicas must be a number from 1 to kafka.topic.replicas; lower it, or raise replicas";
    /// A scheduled source has a schedule.
    SCHEDULED_NEEDS_CRON = "R8", "source.mode Scheduled needs source.schedule; set source.schedule.cron, for example \"*/5 * * * *\"";
    /// A continuous source has an interval.
    CONTINUOUS_NEEDS_INTERVAL = "R8", "source.mode Continuous needs source.http.interval; set it, for example to 10s";
    /// A topic, consumer group or table belongs to one pipeline.
    CLAIMED = "R9", "another pipeline has claimed this; choose another name, or remove one of the pipelines";
    /// A name belongs to one pipeline of its namespace.
    NAME_ONCE = "R9", "another pipeline in the namespace has this name; rename one of them";
    /// Identifiers.
    IDENTIFIER = "R10", "an identifier must be a lower-case letter, then up to 47 lower-case letters, digits or underscores";
    /// Cron expressions.
    CRON = "R11", "cron must have five fields (minute, hour, day of month, month, day of week) as Kubernetes reads them, or be one of @hourly, @daily, @weekly, @monthly, @yearly, @every 1h30m; a time zone goes into timeZone";
    /// Time zones.
    TIME_ZONE = "R11", "timeZone must be a name of the IANA time zone database, for example Etc/UTC or Europe/Berlin";
    /// Names of pipelines.
    PIPELINE_NAME = "R12", "metadata.name must be a DNS-1035 label of at most 40 characters: a lower-case letter, then lower-case letters, digits or hyphens, not ending with a hyphen";
    /// Names of namespaces.
    NAMESPACE_NAME = "R12", "metadata.namespace must be a DNS label: at most 63 lower-case letters, digits or hyphens, with a letter or digit at either end";

    /// A field has one origin.
    FROM_OR_EXPR = "fields", "a field takes from or expr, not both; remove one of them";
    /// Variables that exist.
    KNOWN_VARIABLE = "fields", "there is no such variable; the variables are $fetchedAt, $key, $offset and $partition";
    /// Only a source's records are fetched.
    FETCHED_AT_NEEDS_SOURCE = "fields", "$fetchedAt needs a source, since records of a topic that others fill are not fetched; use a time that the record has";
    /// Only records that are on the topic have coordinates.
    COORDINATES_NEED_NO_SOURCE = "fields", "$key, $offset and $partition need a pipeline without a source, since a source's records have none of them yet; use from or expr";
    /// Variables have types.
    VARIABLE_TYPE = "fields", "the field's type does not fit its variable; set type: timestamp for $fetchedAt, long for $offset, int or long for $partition";
    /// Paths.
    RECORD_PATH = "fields", "a path must have names or numbers with single dots between them, for example results.0.name";
    /// Expressions.
    EXPRESSION = "fields", "an expression must be CEL, for example name.first + ' ' + name.last";

    /// A source is of one kind.
    ONE_SOURCE = "source", "a source needs exactly one of http and generator; remove one, or remove source to process a topic that others fill";
    /// Addresses.
    URL = "source", "a URL must be http:// or https:// with a host, without a user name, a password or a #fragment; credentials go into auth";
    /// Durations that are not zero.
    POSITIVE_DURATION = "source", "the duration must be longer than 0s";
    /// Bodies.
    BODY_NEEDS_POST = "source", "a body needs method: POST; set it, or remove the body";
    /// Headers.
    HEADER = "source", "a header must have a name of letters, digits and !#$%&'*+-.^_`|~ and a value of visible ASCII characters";
    /// The client frames requests.
    NO_FRAMING_HEADERS = "source", "a header must not be about the connection or the length of the request, which the HTTP client sets; remove it, or name another header";
    /// Credentials are not written into the resource.
    NO_CREDENTIALS_IN_HEADERS = "source", "credentials must not be in headers, where everyone who can read the pipeline sees them; use source.http.auth with a Secret";
    /// Sizes of responses.
    RESPONSE_BYTES = "source", "maxResponseBytes must be from 1 byte to 1Gi";
    /// Pages.
    PAGE_NEEDS_PARAMETER = "source", "pagination type Page needs parameter; set it to the query parameter of the page number, for example page";
    /// Cursors.
    CURSOR_NEEDS_PARAMETER_AND_PATH = "source", "pagination type Cursor needs parameter and path; set them to the query parameter of the cursor, and to where the body has the next one";
    /// A query parameter has one value.
    PARAMETER_NOT_IN_QUERY = "source", "the parameter of pagination or auth must not be in query, since each request gets its own value; remove it from query";
    /// Credentials are in a Secret.
    AUTH_NEEDS_SECRET = "source", "auth types Basic, Bearer, ApiKey and OAuth2 need secretRef; set it to the Secret with the credentials";
    /// Where a key goes.
    API_KEY_PLACEMENT = "source", "auth type ApiKey needs exactly one of header and queryParameter; set one of them";
    /// Where tokens come from.
    OAUTH2_NEEDS_TOKEN_URL = "source", "auth type OAuth2 needs tokenUrl; set it to the address of the token endpoint";
    /// Backoff.
    BACKOFF_ORDER = "source", "retry.initialBackoff must be at most retry.maxBackoff; lower it, or raise maxBackoff";

    /// Brokers.
    BOOTSTRAP_SERVERS = "kafka", "bootstrapServers must be host:port, several with commas between them, for example kafka-0:9092,kafka-1:9092";
    /// Topics.
    TOPIC_NAME = "kafka", "a topic name must have letters, digits, dots, underscores or hyphens and be neither . nor ..; 200 characters at most for kafka.topic.name, 249 for others";
    /// The topics of one pipeline differ.
    TOPICS_DIFFER = "kafka", "deadLetter.topicName must differ from kafka.topic.name and <topic>.positions; choose another name";
    /// Secrets.
    SECRET_NAME = "secrets", "a Secret's name must be a DNS subdomain: lower-case letters, digits, hyphens and dots, with a letter or digit at either end";
    /// Replicas.
    REPLICAS = "kafka", "kafka.topic.replicas must be at least 1, or -1 for the broker's default";

    /// Groups.
    CONSUMER_GROUP = "processor", "a consumer group must have 1 to 249 printable ASCII characters and no spaces";
    /// Names in filters.
    FILTER_NAMES_FIELDS = "processor", "a filter must name only fields of schema.fields; correct the name, or add the field";

    /// Nodes.
    CONTACT_POINT = "sink", "a contact point must be host:port, or a host alone, whose port is then 9042";
    /// Datacenters.
    DATACENTER = "sink", "a datacenter's name must have 1 to 48 letters, digits, dots, underscores or hyphens";
    /// Cassandra's own keyspaces.
    SYSTEM_KEYSPACE = "sink", "a keyspace's name must not start with system: those keyspaces are Cassandra's own; choose another name";
    /// Replication.
    REPLICATION = "sink", "replication must be {class: NetworkTopologyStrategy, <datacenter>: <copies>, ...} or {class: SimpleStrategy, replication_factor: <copies>}, with 1 to 32 copies";

    /// Numbers.
    RANGE = "range", "the number is out of range";
}
