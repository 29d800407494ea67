//! Types as values.

use super::Value;
use crate::kind::Kind;

/// The name of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeName {
    /// `null_type`
    Null,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    Uint,
    /// `double`
    Double,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `list`
    List,
    /// `map`
    Map,
    /// `type`
    Type,
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.Duration`
    Duration,
    /// `optional_type`
    Optional,
    /// One of the types that Kubernetes adds, which have no name in an expression.
    Other(Kind),
}

impl TypeName {
    /// The type with a name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "null_type" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "list" => Self::List,
            "map" => Self::Map,
            "type" => Self::Type,
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.Duration" => Self::Duration,
            "optional_type" => Self::Optional,
            _ => return None,
        })
    }

    /// The type of a value. A number of the record is an int or a double, as it is written.
    pub(crate) fn of_value(value: &Value<'_>) -> Self {
        match value {
            Value::Absent | Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Uint(_) => Self::Uint,
            Value::Double(_) => Self::Double,
            Value::Decimal(text) if text.contains(['.', 'e', 'E']) => Self::Double,
            Value::Decimal(_) => Self::Int,
            Value::String(_) => Self::String,
            Value::Bytes(_) => Self::Bytes,
            Value::List(_) => Self::List,
            Value::Map(_) => Self::Map,
            Value::Type(_) => Self::Type,
            Value::Timestamp(_) => Self::Timestamp,
            Value::Duration(_) => Self::Duration,
            Value::Optional(_) => Self::Optional,
            other => Self::Other(other.kind()),
        }
    }
}
