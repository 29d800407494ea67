//! `spec.sink.cassandra.table`: the table.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::kafka::DeletionPolicy;
use crate::rules;

use super::cql_type::CqlType;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(
        &rules::KEY_COLUMN_EXISTS,
        "size(self.columns) == 0 || (self.partitionKey + self.clusteringKey).all(k, self.columns.exists(c, c.name == k))",
    ),
    rules::cel(
        &rules::KEY_COLUMN_ONCE,
        "(self.partitionKey + self.clusteringKey).all(k, (self.partitionKey + self.clusteringKey).exists_one(o, o == k))",
    ),
]))]
pub struct TableSpec {
    /// The name of the table: a lower-case letter, then up to 47 lower-case letters, digits or underscores. It cannot be
    /// changed.
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL),
        rules::cel(&rules::TABLE_NAME_KEPT, "self == oldSelf"),
    ]))]
    pub name: String,
    /// The columns of the partition key, in order; each comes from a required field. It cannot be changed.
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 48)))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::KEY_KEPT, "self == oldSelf")]))]
    pub partition_key: Vec<String>,
    /// The columns that order rows within a partition, in order; each comes from a required field. It cannot be changed.
    /// Default: none, one row a partition.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(min = 1, max = 48)))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::KEY_KEPT, "self == oldSelf")]))]
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
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL)]))]
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
