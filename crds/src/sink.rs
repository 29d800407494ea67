//! `spec.sink`: the table that records end in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kafka::DeletionPolicy;
use crate::record_schema::FieldType;
use crate::secret::SecretRef;
use crate::source::TrustSpec;

/// Where records end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SinkSpec {
    /// A table of a Cassandra (or ScyllaDB) cluster.
    pub cassandra: CassandraSpec,
}

/// A table of a Cassandra cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraSpec {
    /// Where to reach the cluster first: host:port; the port defaults to 9042.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 261)))]
    pub contact_points: Vec<String>,
    /// The datacenter whose nodes are talked to. Default: datacenter1, as Cassandra names its first one.
    #[serde(default = "local_datacenter")]
    #[schemars(length(min = 1, max = 48))]
    pub local_datacenter: String,
    /// Encrypts connections to the nodes. `{}` trusts the public certificate authorities. Default: no encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TrustSpec>,
    /// Authenticates with a user name and a password. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<CassandraAuthSpec>,
    /// The keyspace of the table.
    pub keyspace: KeyspaceSpec,
    /// The table.
    pub table: TableSpec,
    /// How many replicas acknowledge a row before it counts as written. Default: LOCAL_QUORUM.
    #[serde(default)]
    pub consistency: Consistency,
    /// The required timestamp field that is the write time of a row, so that the newest record wins in whatever order
    /// records arrive. Default: the record's Kafka timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub writetime_from: Option<String>,
}

fn local_datacenter() -> String {
    "datacenter1".to_owned()
}

/// Password authentication to Cassandra.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraAuthSpec {
    /// The Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// A keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyspaceSpec {
    /// The name of the keyspace: a lower-case letter, then up to 47 lower-case letters, digits or underscores. It cannot
    /// be changed.
    #[schemars(length(min = 1, max = 48))]
    pub name: String,
    /// How many copies of a row are kept, as CQL writes it: `{class: NetworkTopologyStrategy, dc1: 3}` or
    /// `{class: SimpleStrategy, replication_factor: 1}`. Used when the keyspace is created, never altered afterwards.
    /// Default: 3 in the local datacenter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationSpec>,
    /// Who looks after the keyspace: `Managed` creates it, `Observe` only checks it. Default: Managed.
    #[serde(default)]
    pub management_policy: KeyspaceManagementPolicy,
    /// What happens to the keyspace when the pipeline is deleted: `Retain` it, or `Delete` it if this pipeline created it
    /// and no other table is in it. Default: Retain.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Who looks after a keyspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyspaceManagementPolicy {
    /// Userstream creates it.
    #[default]
    Managed,
    /// Userstream checks it and changes nothing.
    Observe,
}

/// The replication of a keyspace as CQL writes it: the class, and a number of copies by datacenter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationSpec {
    /// The replication strategy.
    pub class: ReplicationClass,
    /// Copies by datacenter, or under `replication_factor` for SimpleStrategy.
    #[serde(flatten)]
    pub factors: BTreeMap<String, i32>,
}

/// The replication strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplicationClass {
    /// Copies by datacenter.
    NetworkTopologyStrategy,
    /// Copies anywhere, for clusters of one datacenter.
    SimpleStrategy,
}

impl JsonSchema for ReplicationSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReplicationSpec".into()
    }

    // A structural schema may not name properties beside `additionalProperties`, so the class is checked by a rule.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 17,
            "additionalProperties": {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": true,
            },
        })
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TableSpec {
    /// The name of the table: a lower-case letter, then up to 47 lower-case letters, digits or underscores. It cannot be
    /// changed.
    #[schemars(length(min = 1, max = 48))]
    pub name: String,
    /// The columns of the partition key, in order; each comes from a required field. It cannot be changed.
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 48)))]
    pub partition_key: Vec<String>,
    /// The columns that order rows within a partition, in order; each comes from a required field. It cannot be changed.
    /// Default: none, one row a partition.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(min = 1, max = 48)))]
    pub clustering_key: Vec<String>,
    /// The columns. Columns may be added later, not removed or retyped. Default: every field of the schema, with its name
    /// and its natural CQL type.
    #[serde(default)]
    #[schemars(length(max = 128))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub columns: Vec<ColumnSpec>,
    /// How the table follows a changed schema: `AdditiveOnly` adds columns, `Manual` reports what is missing and alters
    /// nothing. Default: AdditiveOnly.
    #[serde(default)]
    pub evolution: Evolution,
    /// Options of the table in CQL's own names. Options that are not named here are left as they are. Default: none.
    #[serde(default)]
    pub options: TableOptionsSpec,
    /// What happens to the table when the pipeline is deleted: `Retain` it, or `Delete` it if this pipeline created it.
    /// Default: Retain.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ColumnSpec {
    /// The name of the column: a lower-case letter, then up to 47 lower-case letters, digits or underscores.
    #[schemars(length(min = 1, max = 48))]
    pub name: String,
    /// The CQL type of the column. Default: the natural type of the field.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub cql_type: Option<CqlType>,
    /// The field of the schema that fills it. Default: the field with the column's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub field: Option<String>,
    /// Whether the value may be converted to a type that is not one of the field's own, for example a long to text. A
    /// value that does not convert is handled as `delivery.onError` says. Default: false.
    #[serde(default)]
    pub cast: bool,
}

/// The CQL types of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CqlType {
    /// A UUID of any version.
    Uuid,
    /// UTF-8 text.
    Text,
    /// US-ASCII text.
    Ascii,
    /// A signed integer of 32 bits.
    Int,
    /// A signed integer of 64 bits.
    BigInt,
    /// A signed integer of any size.
    VarInt,
    /// A number of IEEE 754 double precision.
    Double,
    /// An exact decimal number of any size.
    Decimal,
    /// True or false.
    Boolean,
    /// A point in time, in milliseconds.
    Timestamp,
    /// A calendar day.
    Date,
    /// Bytes.
    Blob,
}

impl CqlType {
    /// The name of the type in CQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Ascii => "ascii",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::VarInt => "varint",
            Self::Double => "double",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Blob => "blob",
        }
    }
}

impl FieldType {
    /// The types of columns that hold this type as it is, the natural one first.
    #[must_use]
    pub const fn cql_types(self) -> &'static [CqlType] {
        match self {
            Self::Uuid => &[CqlType::Uuid],
            Self::String => &[CqlType::Text, CqlType::Ascii],
            Self::Int => &[CqlType::Int, CqlType::BigInt, CqlType::VarInt],
            Self::Long => &[CqlType::BigInt, CqlType::VarInt],
            Self::Double => &[CqlType::Double],
            Self::Decimal => &[CqlType::Decimal],
            Self::Boolean => &[CqlType::Boolean],
            Self::Timestamp => &[CqlType::Timestamp],
            Self::Date => &[CqlType::Date],
            Self::Bytes => &[CqlType::Blob],
        }
    }

    /// The type of a column that does not name one.
    #[must_use]
    pub const fn natural_cql_type(self) -> CqlType {
        match self {
            Self::Uuid => CqlType::Uuid,
            Self::String => CqlType::Text,
            Self::Int => CqlType::Int,
            Self::Long => CqlType::BigInt,
            Self::Double => CqlType::Double,
            Self::Decimal => CqlType::Decimal,
            Self::Boolean => CqlType::Boolean,
            Self::Timestamp => CqlType::Timestamp,
            Self::Date => CqlType::Date,
            Self::Bytes => CqlType::Blob,
        }
    }

    /// The types of columns that this type can be converted to with an explicit `cast`, beside its own.
    ///
    /// - everything but bytes to `text` and `ascii`, in its JSON spelling;
    /// - a string to every type but blob, read as the same text in a source's record would be;
    /// - int and long to `double` and `decimal`, long to `int` where it fits;
    /// - a timestamp to `date`, its day in UTC, and to `bigint`, its milliseconds since 1970.
    #[must_use]
    pub const fn castable_cql_types(self) -> &'static [CqlType] {
        match self {
            Self::String => &[
                CqlType::Uuid,
                CqlType::Int,
                CqlType::BigInt,
                CqlType::VarInt,
                CqlType::Double,
                CqlType::Decimal,
                CqlType::Boolean,
                CqlType::Timestamp,
                CqlType::Date,
            ],
            Self::Int => &[CqlType::Text, CqlType::Ascii, CqlType::Double, CqlType::Decimal],
            Self::Long => &[CqlType::Text, CqlType::Ascii, CqlType::Int, CqlType::Double, CqlType::Decimal],
            Self::Timestamp => &[CqlType::Text, CqlType::Ascii, CqlType::Date, CqlType::BigInt],
            Self::Uuid | Self::Double | Self::Decimal | Self::Boolean | Self::Date => {
                &[CqlType::Text, CqlType::Ascii]
            }
            Self::Bytes => &[],
        }
    }
}

/// How a table follows a changed schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Evolution {
    /// Columns are added, nothing else is altered.
    #[default]
    AdditiveOnly,
    /// What is missing is reported, nothing is altered.
    Manual,
}

/// Options of a table in CQL's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TableOptionsSpec {
    /// After how many seconds a row expires; 0 is never. Default: as the table has it, 0 for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 630_720_000))]
    pub default_time_to_live: Option<i32>,
    /// A comment. Default: as the table has it, empty for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
    /// How many seconds a deleted row is remembered. Default: as the table has it, 864000 for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 315_360_000))]
    pub gc_grace_seconds: Option<i32>,
    /// The compaction strategy and its settings, for example `{class: TimeWindowCompactionStrategy}`. Values are text:
    /// quote numbers. Default: as the table has it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 256}))]
    pub compaction: BTreeMap<String, String>,
}

/// How many replicas acknowledge a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consistency {
    /// One, in any datacenter.
    One,
    /// Two, in any datacenter.
    Two,
    /// Three, in any datacenter.
    Three,
    /// A majority over all datacenters.
    Quorum,
    /// All.
    All,
    /// One in the local datacenter.
    LocalOne,
    /// A majority in the local datacenter.
    #[default]
    LocalQuorum,
    /// A majority in each datacenter.
    EachQuorum,
}
