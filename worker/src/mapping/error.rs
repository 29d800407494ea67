//! Why a record does not map.

use userstream_crds::expression::EvaluationError;
use userstream_crds::identifier::Identifier;
use userstream_crds::model::FieldType;

use super::refusal::Refusal;

/// Why a record does not map, or why its filter cannot be evaluated.
///
/// The cause is the record, never a server: every attempt fails in the same way, so it becomes a dead letter. The
/// message names the field and the reason, and never a value of the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The record is not JSON, or a selected number or escape is malformed.
    #[error("not readable as JSON at line {line}, column {column}")]
    InvalidJson {
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// The record ends inside a JSON value.
    #[error("the JSON ends too early")]
    Truncated,
    /// The record is not UTF-8.
    #[error("not UTF-8 from byte {position}")]
    NotUtf8 {
        /// The offset of the first invalid byte.
        position: usize,
    },
    /// The record is JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A required field is missing or null.
    #[error("the required field {field} is missing")]
    Missing {
        /// The field.
        field: Identifier,
    },
    /// A value does not convert to the type of its field.
    #[error("field {field} ({}): {reason}", .field_type.name())]
    Refused {
        /// The field.
        field: Identifier,
        /// Its type.
        field_type: FieldType,
        /// Why.
        reason: Refusal,
    },
    /// The expression of a field fails.
    #[error("the expression of field {field} fails: {reason}")]
    Expression {
        /// The field.
        field: Identifier,
        /// Why.
        reason: EvaluationError,
    },
    /// The filter fails.
    #[error("the filter fails: {reason}")]
    Filter {
        /// Why.
        reason: EvaluationError,
    },
    /// The result of the filter is not a boolean.
    #[error("the filter is neither true nor false")]
    FilterNotBoolean,
}

impl MappingError {
    /// The name of the cause in metrics and dead letters, from a fixed set.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } => "invalid_json",
            Self::Truncated => "truncated_json",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::NotAnObject => "not_an_object",
            Self::Missing { .. } => "missing_field",
            Self::Refused { .. } => "refused_value",
            Self::Expression { .. } => "failed_expression",
            Self::Filter { .. } => "failed_filter",
            Self::FilterNotBoolean => "filter_not_boolean",
        }
    }

    /// The field of the error. None when it is of the record as a whole.
    pub fn field(&self) -> Option<&Identifier> {
        match self {
            Self::Missing { field } | Self::Refused { field, .. } | Self::Expression { field, .. } => {
                Some(field)
            }
            Self::InvalidJson { .. }
            | Self::Truncated
            | Self::NotUtf8 { .. }
            | Self::NotAnObject
            | Self::Filter { .. }
            | Self::FilterNotBoolean => None,
        }
    }
}
