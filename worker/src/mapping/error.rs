//! Why a record does not map.

use userstream_crds::identifier::Identifier;
use userstream_crds::model::FieldType;

use super::evaluation::EvaluationError;
use super::refusal::Refusal;

/// Why a record does not map, or why the filter cannot judge it.
///
/// The record is at fault, never a server: it fails in the same way however often it is tried, so it is a dead letter.
/// Texts name the field and the reason, and never show a value of the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The record is not JSON, or has a number or an escape that cannot be read where more than skipping is needed.
    #[error("not readable as JSON at line {line}, column {column}")]
    InvalidJson {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
    },
    /// The record ends in the middle of its JSON.
    #[error("the JSON ends too early")]
    Truncated,
    /// The record is not UTF-8.
    #[error("not UTF-8 from byte {position}")]
    NotUtf8 {
        /// The offset of the first byte that is wrong.
        position: usize,
    },
    /// The record is JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A value that an expression uses is nested more deeply than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("a value that an expression uses is nested more than {} levels deep", super::MAX_DEPTH)]
    TooDeep,
    /// The record lacks a required field, or has null there.
    #[error("the required field {field} is missing")]
    Missing {
        /// The field.
        field: Identifier,
    },
    /// A value does not become a value of its field's type.
    #[error("field {field} ({}): {reason}", .field_type.name())]
    Refused {
        /// The field.
        field: Identifier,
        /// Its type.
        field_type: FieldType,
        /// Why not.
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
    /// The filter results in something other than true or false.
    #[error("the filter is neither true nor false")]
    FilterNotBoolean,
}

impl MappingError {
    /// A short name of the cause, one of few, for labels of metrics and headers of dead letters.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } => "invalid_json",
            Self::Truncated => "truncated_json",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::NotAnObject => "not_an_object",
            Self::TooDeep => "too_deep",
            Self::Missing { .. } => "missing_field",
            Self::Refused { .. } => "refused_value",
            Self::Expression { .. } => "failed_expression",
            Self::Filter { .. } => "failed_filter",
            Self::FilterNotBoolean => "filter_not_boolean",
        }
    }

    /// The field that is at fault; none when it is the record as a whole.
    pub fn field(&self) -> Option<&Identifier> {
        match self {
            Self::Missing { field } | Self::Refused { field, .. } | Self::Expression { field, .. } => {
                Some(field)
            }
            Self::InvalidJson { .. }
            | Self::Truncated
            | Self::NotUtf8 { .. }
            | Self::NotAnObject
            | Self::TooDeep
            | Self::Filter { .. }
            | Self::FilterNotBoolean => None,
        }
    }
}
