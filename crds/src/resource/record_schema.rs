//! `spec.schema`: the fields of a record, and how records are encoded on the topic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// The fields of a record: the one declaration for the mapping from the source, the encoding on the topic and the types
/// of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordSchemaSpec {
    /// The encoding of records on the topic. Default: Json.
    #[serde(default)]
    pub format: Format,
    /// The schema registry, with Confluent's API. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistrySpec>,
    /// The fields of a record, in the order of the table's columns. Fields can be added, not removed.
    #[schemars(length(min = 1, max = 128))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub fields: Vec<FieldSpec>,
}

/// The encoding of records on the topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// One JSON object a record.
    #[default]
    Json,
    /// Avro in the Confluent wire format.
    Avro,
    /// Protobuf in the Confluent wire format.
    Protobuf,
}

/// The schema registry, with Confluent's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrySpec {
    /// The address of the registry, for example http://registry:8081.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// The subject that the schema is registered under. Default: `<topic>-value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub subject: Option<String>,
    /// The changes of the schema that the registry accepts. Default: Backward.
    #[serde(default)]
    pub compatibility: Compatibility,
}

/// The changes of a schema that a registry accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Compatibility {
    /// Every change.
    None,
    /// The new schema reads what the last one wrote.
    #[default]
    Backward,
    /// The new schema reads what every earlier one wrote.
    BackwardTransitive,
    /// The last schema reads what the new one writes.
    Forward,
    /// Every earlier schema reads what the new one writes.
    ForwardTransitive,
    /// Backward and Forward.
    Full,
    /// BackwardTransitive and ForwardTransitive.
    FullTransitive,
}

/// A field of a record. Its value comes from `from` or `expr`: set at most one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::FROM_OR_EXPR, "!has(self.expr) || !has(self.from)"),
    rules::cel(
        &rules::VARIABLE_TYPE,
        "!has(self.from) || !self.from.startsWith('$') \
         || ((self.from != '$fetchedAt' || self.type == 'timestamp') \
         && (self.from != '$offset' || self.type == 'long') \
         && (self.from != '$partition' || self.type in ['int', 'long']))",
    ),
]))]
pub struct FieldSpec {
    /// The name of the field on the topic and, unless `columns` renames it, in the table: a lower-case letter, then up
    /// to 47 lower-case letters, digits or underscores.
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL)]))]
    pub name: String,
    /// The type of the value: uuid, string, int (32 bits), long (64 bits), double, decimal, boolean, timestamp
    /// (milliseconds), date or bytes.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// The dot path of the value in the source's record, or in the topic's where no source is declared, with numbers as
    /// array indexes (`results.0.name`). Or a variable: with a source `$fetchedAt`, the time of the fetch; without one
    /// `$key`, `$offset` and `$partition` of the Kafka record. Default: the name of the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[schemars(extend("x-kubernetes-validations" = [rules::cel(
        &rules::KNOWN_VARIABLE,
        "!self.startsWith('$') || self in ['$fetchedAt', '$key', '$offset', '$partition']",
    )]))]
    pub from: Option<String>,
    /// A CEL expression over the same record that computes the value, for example `name.first + ' ' + name.last`. The
    /// record's top-level keys are its variables. JSON integers are CEL `int`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub expr: Option<String>,
    /// Whether every record must have a value. `delivery.onError` handles a record without one. Key columns come from
    /// required fields. Default: false.
    #[serde(default)]
    pub required: bool,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FieldType {
    /// A UUID.
    Uuid,
    /// Unicode text.
    String,
    /// A signed integer of 32 bits.
    Int,
    /// A signed integer of 64 bits.
    Long,
    /// A double-precision number.
    Double,
    /// An exact decimal number of any size.
    Decimal,
    /// True or false.
    Boolean,
    /// A point in time, in milliseconds.
    Timestamp,
    /// A calendar day.
    Date,
    /// Bytes, which JSON carries as base64.
    Bytes,
}

impl FieldType {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Uuid,
        Self::String,
        Self::Int,
        Self::Long,
        Self::Double,
        Self::Decimal,
        Self::Boolean,
        Self::Timestamp,
        Self::Date,
        Self::Bytes,
    ];

    /// The spelling in a resource.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::String => "string",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Bytes => "bytes",
        }
    }
}
