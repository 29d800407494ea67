//! The field that a value is converted for.

use userstream_crds::expression::EvaluationError;
use userstream_crds::identifier::Identifier;
use userstream_crds::model::{Field, FieldType};

use super::error::MappingError;
use super::refusal::Refusal;

/// The field that a value is converted for.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its index in the schema, and of its cell.
    pub(super) index: usize,
    /// Its type.
    pub(super) field_type: FieldType,
    name: Identifier,
}

impl Target {
    /// The field at an index of the schema.
    pub(super) fn new(index: usize, field: &Field) -> Self {
        Self { index, field_type: field.field_type, name: field.name.clone() }
    }

    /// The error of a value that does not convert.
    #[cold]
    pub(super) fn refused(&self, reason: Refusal) -> MappingError {
        MappingError::Refused { field: self.name.clone(), field_type: self.field_type, reason }
    }

    /// The error of an expression that fails.
    #[cold]
    pub(super) fn failed(&self, reason: EvaluationError) -> MappingError {
        MappingError::Expression { field: self.name.clone(), reason }
    }

    /// The error of a required field without a value.
    #[cold]
    pub(super) fn missing(&self) -> MappingError {
        MappingError::Missing { field: self.name.clone() }
    }
}
