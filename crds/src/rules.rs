//! The rules of the resource: one constant each, with the text that people read.

use serde_json::{Value, json};

/// A rule. The same text is in the CRD, where CEL can say the rule, and in what [`validate`](crate::validate) reports.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The number of the rule in the documentation.
    pub code: &'static str,
    /// What is wrong and the way out.
    pub message: &'static str,
}

/// The rule as the CRD has it, said in CEL.
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

        /// Every rule.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    /// Topics keep their names.
    TOPIC_NAME_KEPT = "R1", "the name of the topic cannot be changed; create another pipeline for another topic";
    /// Partitions are not taken away.
    PARTITIONS_GROW = "R1", "partitions may grow, never shrink; create another pipeline with another topic for fewer";
    /// Groups keep their offsets.
    CONSUMER_GROUP_KEPT = "R1", "the consumer group cannot be changed; create another pipeline for another group";
    /// Keyspaces keep their names.
    KEYSPACE_NAME_KEPT = "R1", "the name of the keyspace cannot be changed; create another pipeline for another keyspace";
    /// Tables keep their names.
    TABLE_NAME_KEPT = "R1", "the name of the table cannot be changed; create another pipeline for another table";
    /// Tables keep their keys.
    KEY_KEPT = "R1", "partitionKey and clusteringKey cannot be changed; create another pipeline with another table";
    /// Records keep their keys.
    KEY_FIELD_KEPT = "R1", "keyField cannot be changed, since records of one key would no longer be in order; create another pipeline with another topic";
    /// Columns are not taken away, and keep their types.
    COLUMNS_KEPT = "R1", "columns may be added, not removed, and keep their types; put the column back as it was (or its field where columns are not listed), and add another one for another type";
    /// Key columns have a value in every record.
    KEY_COLUMN_REQUIRED = "R2", "a key column comes from a field with required: true; set it on the field, or take another column into the key";
    /// Key columns exist.
    KEY_COLUMN_EXISTS = "R2", "a key names a column of the table; add the column, or correct the name";
    /// A column is in the key once.
    KEY_COLUMN_ONCE = "R2", "a column is in the key once; remove it from partitionKey or clusteringKey";
    /// The key of a record has a value in every record.
    KEY_FIELD_REQUIRED = "R2", "keyField names a field of schema.fields with required: true";
    /// Types of fields and columns fit.
    COLUMN_TYPE_FITS = "R3", "the column's type does not hold the field's type; leave type out for the natural one, or set cast: true where a conversion exists (uuid: uuid; string: text, ascii; int: int, bigint, varint; long: bigint, varint; double: double; decimal: decimal; boolean: boolean; timestamp: timestamp; date: date; bytes: blob)";
    /// Every column has a field.
    COLUMN_FIELD_EXISTS = "R4", "a column is filled by a field of schema.fields; add the field, or name another one in the column's field";
    /// Keys are the same whenever a record is read again.
    KEY_FROM_SOURCE_DATA = "R5", "guarantee EffectivelyOnce needs key columns and a keyField from source data, not from $fetchedAt or $offset; use another field, or set delivery.guarantee: AtLeastOnce";
    /// The write time is part of the record.
    WRITETIME_REQUIRED = "R5", "writetimeFrom names a field of schema.fields with type: timestamp and required: true; leave it out to use the record's Kafka timestamp";
    /// No record is left out.
    NO_SKIP = "R5", "guarantee EffectivelyOnce leaves no record out; set delivery.onError to DeadLetter or Fail, or delivery.guarantee: AtLeastOnce";
    /// Aggregates count a record once.
    AGGREGATIONS_NEED_DEDUPE = "R5", "guarantee EffectivelyOnce with aggregations needs processor.dedupe; add it, or set delivery.guarantee: AtLeastOnce";
    /// Processors beyond the partitions stand idle.
    MAX_REPLICAS_WITHIN_PARTITIONS = "R6", "autoscaling.maxReplicas is at most kafka.topic.partitions; lower it, or add partitions";
    /// The range of processors is one.
    MIN_REPLICAS_WITHIN_MAX = "R6", "autoscaling.minReplicas is at most maxReplicas, which is at most kafka.topic.partitions; lower minReplicas";
    /// A topic can be written to.
    MIN_INSYNC_WITHIN_REPLICAS = "R7", "kafka.topic.config min.insync.replicas is a number of at most kafka.topic.replicas; lower it, or raise replicas";
    /// A scheduled source has a schedule.
    SCHEDULED_NEEDS_CRON = "R8", "source.mode Scheduled needs source.schedule.cron, for example \"*/5 * * * *\"";
    /// A continuous source has an interval.
    CONTINUOUS_NEEDS_INTERVAL = "R8", "source.mode Continuous needs source.http.interval, for example 10s";
    /// What belongs to one pipeline is not given to another.
    CLAIMED = "R9", "another pipeline has claimed this; choose another name, or remove one of the pipelines";
    /// Pipelines have names of their own.
    NAME_ONCE = "R9", "there is another pipeline of this name in the namespace; rename one of them";
    /// Identifiers.
    IDENTIFIER = "R10", "an identifier is a lower-case letter, then up to 47 lower-case letters, digits or underscores";
    /// Cron expressions.
    CRON = "R11", "cron has five fields (minute, hour, day of month, month, day of week) as Kubernetes reads them, or is one of @hourly, @daily, @weekly, @monthly, @yearly, @every 1h30m; a time zone goes into timeZone";
    /// Time zones.
    TIME_ZONE = "R11", "timeZone is a name of the IANA time zone database, for example Etc/UTC or Europe/Berlin";
    /// Names of pipelines.
    PIPELINE_NAME = "R12", "metadata.name is a DNS-1035 label of at most 40 characters: a lower-case letter, then lower-case letters, digits or hyphens, not ending with a hyphen";
    /// Names of namespaces.
    NAMESPACE_NAME = "R12", "metadata.namespace is a DNS label: at most 63 lower-case letters, digits or hyphens, with a letter or digit at either end";

    /// One origin a field.
    FROM_OR_EXPR = "fields", "a field has from or expr, not both; remove one of them";
    /// Variables that exist.
    KNOWN_VARIABLE = "fields", "the variables are $fetchedAt, $key, $offset and $partition";
    /// The time of the fetch is known to a source.
    FETCHED_AT_NEEDS_SOURCE = "fields", "$fetchedAt needs a source: without one nothing is fetched; use the record's own time";
    /// Coordinates are known to the processor.
    COORDINATES_NEED_NO_SOURCE = "fields", "$key, $offset and $partition are known only where no source is declared, since a source's records have none yet; use from or expr";
    /// Variables have types.
    VARIABLE_TYPE = "fields", "$fetchedAt is a timestamp, $offset a long, $partition an int or long; change the field's type";
    /// Paths.
    RECORD_PATH = "fields", "a path has names or numbers with single dots between them, for example results.0.name";
    /// Expressions.
    EXPRESSION = "fields", "expressions are CEL, for example name.first + ' ' + name.last";

    /// One kind of source.
    ONE_SOURCE = "source", "a source has exactly one of http and generator; remove one, or remove source to process a topic that others fill";
    /// Addresses.
    URL = "source", "an address is http:// or https:// with a host, without a user name, a password or a #fragment; credentials go into auth";
    /// Times that must pass.
    POSITIVE_DURATION = "source", "the duration must be longer than 0s";
    /// Bodies.
    BODY_NEEDS_POST = "source", "a body needs method: POST; set it, or remove the body";
    /// Headers.
    HEADER = "source", "a header has a name of letters, digits and !#$%&'*+-.^_`|~ and a value of visible ASCII characters";
    /// Credentials are not written into the resource.
    NO_CREDENTIALS_IN_HEADERS = "source", "credentials do not belong into headers, where everyone who may read the pipeline sees them; use source.http.auth with a Secret";
    /// Response sizes.
    RESPONSE_BYTES = "source", "maxResponseBytes is at least 1 and at most 1Gi";
    /// Pages.
    PAGE_NEEDS_PARAMETER = "source", "pagination type Page needs parameter, the query parameter that carries the page number, for example page";
    /// Cursors.
    CURSOR_NEEDS_PARAMETER_AND_PATH = "source", "pagination type Cursor needs parameter, the query parameter that carries the cursor, and path, where the next cursor is in the body";
    /// One value a parameter.
    PARAMETER_NOT_IN_QUERY = "source", "the parameter of pagination or auth is set by the source itself; remove it from query";
    /// Credentials are in a Secret.
    AUTH_NEEDS_SECRET = "source", "auth types Basic, Bearer, ApiKey and OAuth2 need secretRef";
    /// Where a key goes.
    API_KEY_PLACEMENT = "source", "auth type ApiKey needs exactly one of header and queryParameter";
    /// Where tokens come from.
    OAUTH2_NEEDS_TOKEN_URL = "source", "auth type OAuth2 needs tokenUrl, the address that hands out tokens";
    /// Backoff.
    BACKOFF_ORDER = "source", "retry.initialBackoff is at most retry.maxBackoff";

    /// Registries.
    FORMAT_NEEDS_REGISTRY = "schema", "formats Avro and Protobuf need schema.registry; add it, or use Json";

    /// Brokers.
    BOOTSTRAP_SERVERS = "kafka", "bootstrapServers has host:port, several with commas between them, for example kafka-0:9092,kafka-1:9092";
    /// Topics.
    TOPIC_NAME = "kafka", "a topic name has letters, digits, dots, underscores or hyphens and is neither . nor ..; 200 characters at most for kafka.topic.name, 249 for others";
    /// Topics of one pipeline are different ones.
    TOPICS_DIFFER = "kafka", "the dead-letter topic is another one than kafka.topic.name and <topic>.positions; choose another deadLetter.topicName";
    /// Secrets.
    SECRET_NAME = "secrets", "a Secret's name is a DNS subdomain: lower-case letters, digits, hyphens and dots, with a letter or digit at either end";
    /// Replicas.
    REPLICAS = "kafka", "kafka.topic.replicas is -1 for the broker's default, or at least 1";

    /// Groups.
    CONSUMER_GROUP = "processor", "a consumer group has 1 to 249 printable ASCII characters and no spaces";
    /// Names in filters.
    FILTER_NAMES_FIELDS = "processor", "a filter names only fields of schema.fields";
    /// Event time.
    WATERMARK_FIELD = "processor", "watermark.field names a field of schema.fields with type: timestamp and required: true";
    /// Event time is known.
    AGGREGATIONS_NEED_WATERMARK = "processor", "aggregations need processor.watermark, which says which field holds the time of the event";
    /// Duplicates are found by their key.
    DEDUPE_NEEDS_KEY = "processor", "dedupe needs kafka.keyField: duplicates are records with the same key";
    /// Groups are fields.
    GROUP_BY_FIELD = "processor", "groupBy names fields of schema.fields with required: true";
    /// Aggregates.
    AGGREGATE_FUNCTION = "processor", "an aggregate is count(), min(field), max(field) or sum(field), with a field of schema.fields; sum takes numbers, min and max everything but boolean and bytes";
    /// Columns of aggregates.
    AGGREGATE_COLUMN_ONCE = "processor", "a column of an aggregate has a name of its own, other than its groupBy fields and bucket, window_start and source_partition";
    /// Aggregates have tables of their own.
    AGGREGATE_TABLE_ONCE = "processor", "an aggregate has a table of its own; choose another table";

    /// Nodes.
    CONTACT_POINT = "sink", "a contact point is host:port or a host alone, whose port is then 9042";
    /// Datacenters.
    DATACENTER = "sink", "a datacenter's name has 1 to 48 letters, digits, dots, underscores or hyphens";
    /// Keyspaces of Cassandra itself.
    SYSTEM_KEYSPACE = "sink", "keyspaces whose names start with system belong to Cassandra; choose another name";
    /// Replication.
    REPLICATION = "sink", "replication is {class: NetworkTopologyStrategy, <datacenter>: <copies>, ...} or {class: SimpleStrategy, replication_factor: <copies>}, with 1 to 32 copies";

    /// Times.
    REPLAY_TIME = "replay", "replay.from and replay.to are RFC 3339 times such as 2026-01-31T00:00:00Z, and from is before to";
    /// Numbers.
    RANGE = "range", "the number is out of range";
}
