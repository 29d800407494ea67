//! `spec.sink.cassandra.table`: the table.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::kafka::{AdoptionPolicy, DeletionPolicy};
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
    /// The name of the table: a lower-case letter, then up to 47 lower-case letters, digits or underscores. It cannot
    /// change.
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL),
        rules::cel(&rules::TABLE_NAME_KEPT, "self == oldSelf"),
    ]))]
    pub name: String,
    /// The columns of the partition key, in order. Each comes from a required field. It cannot change.
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 48)))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::KEY_KEPT, "self == oldSelf")]))]
    pub partition_key: Vec<String>,
    /// The columns that order the rows of a partition, in order. Each comes from a required field. It cannot change.
    /// Default: none, so that a partition has one row.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(min = 1, max = 48)))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::KEY_KEPT, "self == oldSelf")]))]
    pub clustering_key: Vec<String>,
    /// The columns. Columns can be added, not removed, and keep their types. Default: one for each field of the schema,
    /// with its name and natural CQL type.
    #[serde(default)]
    #[schemars(length(max = 128))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub columns: Vec<ColumnSpec>,
    /// How an existing table follows the declaration: `AdditiveOnly` adds columns and sets `options`. `Manual` alters
    /// nothing: missing columns are refused with the statement that adds them, other options are only reported.
    /// Default: AdditiveOnly.
    #[serde(default)]
    pub evolution: Evolution,
    /// Options of the table under CQL's own names. Options that are not listed keep their values. Default: none.
    #[serde(default)]
    pub options: TableOptionsSpec,
    /// What happens to a table that exists and that the pipeline did not create: `Fail` refuses it, `Adopt` manages it
    /// from then on. A table of another pipeline is refused either way. Default: Fail.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What happens to the table when the pipeline is deleted: `Retain` keeps it, `Delete` drops it if the pipeline
    /// created it. Default: Retain.
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
    /// Whether the value may be converted to a type that is not one of the field's own, for example a long to text.
    /// `delivery.onError` handles a record whose value does not convert. Default: false.
    #[serde(default)]
    pub cast: bool,
}

/// How an existing table follows the declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Evolution {
    /// Columns are added and options set; nothing else is altered.
    #[default]
    AdditiveOnly,
    /// Nothing is altered.
    Manual,
}

/// Options of a table under CQL's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TableOptionsSpec {
    /// The seconds after which a row expires; 0 is never. Default: the table's value, 0 for a new table.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 630_720_000))]
    pub default_time_to_live: Option<i32>,
    /// The comment of the table. Default: the table's, empty for a new table.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
    /// The seconds for which tombstones are kept. Default: the table's value, 864000 for a new table.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 315_360_000))]
    pub gc_grace_seconds: Option<i32>,
    /// The compaction strategy and its settings, for example `{class: TimeWindowCompactionStrategy}`. Values are text:
    /// quote numbers. Default: the table's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 256}))]
    pub compaction: BTreeMap<String, String>,
}
