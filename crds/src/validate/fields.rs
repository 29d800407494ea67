//! `spec.schema`: the fields and their origins.

use crate::model::{Field, Origin, Variable, WriteTime};
use crate::resource::record_schema::{FieldSpec, FieldType, RecordSchemaSpec};
use crate::rules;
use crate::scalar::identifier::Identifier;
use crate::scalar::record_path::RecordPath;

use super::expressions;
use super::violations::{Found, Violations};

/// The declared fields by name, for the rules that reference them. A field that breaks a rule is declared too, so that
/// one mistake is reported once.
pub(super) struct DeclaredFields<'a> {
    fields: &'a [FieldSpec],
}

impl<'a> DeclaredFields<'a> {
    pub(super) fn of(fields: &'a [FieldSpec]) -> Self {
        Self { fields }
    }

    pub(super) fn get(&self, name: &str) -> Option<(usize, &'a FieldSpec)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }

    pub(super) fn all(&self) -> &'a [FieldSpec] {
        self.fields
    }

    /// The index of a required timestamp field.
    pub(super) fn required_timestamp(&self, name: &str) -> Option<usize> {
        self.get(name)
            .filter(|(_, field)| field.required && field.field_type == FieldType::Timestamp)
            .map(|(index, _)| index)
    }

    /// The write time of a required timestamp field. The time of a fetch is also the record's Kafka timestamp, with
    /// which the producer orders versions of one key that it fetched together.
    pub(super) fn write_time(&self, name: &str) -> Option<WriteTime> {
        let index = self.required_timestamp(name)?;
        let is_fetch = self.fields.get(index)?.from.as_deref() == Some(Variable::FetchedAt.name());
        Some(if is_fetch { WriteTime::LogTimestamp } else { WriteTime::Field(index) })
    }

    /// The index of a required field.
    pub(super) fn required(&self, name: &str) -> Option<usize> {
        self.get(name).filter(|(_, field)| field.required).map(|(index, _)| index)
    }
}

/// Whether the value of a field changes when the same source data is read again.
pub(super) fn differs_when_read_again(field: &FieldSpec) -> bool {
    matches!(field.from.as_deref(), Some(from) if from == Variable::FetchedAt.name() || from == Variable::Offset.name())
}

pub(super) fn build(
    schema: &RecordSchemaSpec,
    has_source: bool,
    violations: &mut Violations,
) -> Option<Vec<Field>> {
    let mut fields = Vec::with_capacity(schema.fields.len());
    for (index, field) in schema.fields.iter().enumerate() {
        let path = format!("spec.schema.fields[{index}]");
        let name = violations.parse(format!("{path}.name"), &rules::IDENTIFIER, &field.name);
        let origin = origin(field, name.as_ref(), has_source, &path, violations);
        if let (Some(name), Some(origin)) = (name, origin) {
            fields.push(Field { name, field_type: field.field_type, origin, required: field.required });
        }
    }
    violations.require(!schema.fields.is_empty(), "spec.schema.fields", &rules::RANGE);
    (fields.len() == schema.fields.len()).then_some(fields)
}

fn origin(
    field: &FieldSpec,
    name: Option<&Identifier>,
    has_source: bool,
    path: &str,
    violations: &mut Violations,
) -> Option<Origin> {
    match (&field.from, &field.expr) {
        (Some(_), Some(_)) => {
            violations.refuse(path, &rules::FROM_OR_EXPR);
            None
        }
        (Some(from), None) if from.starts_with('$') => {
            variable(from, field.field_type, has_source, path, violations).map(Origin::Variable)
        }
        (Some(from), None) => violations
            .take(format!("{path}.from"), &rules::RECORD_PATH, from.parse::<RecordPath>())
            .map(Origin::Path),
        (None, Some(expr)) => {
            expressions::computed(expr, field.field_type, format!("{path}.expr"), violations)
                .map(Origin::Expression)
        }
        (None, None) => name.map(|name| Origin::Path(RecordPath::of_field(name))),
    }
}

fn variable(
    from: &str,
    field_type: FieldType,
    has_source: bool,
    path: &str,
    violations: &mut Violations,
) -> Option<Variable> {
    let at = format!("{path}.from");
    let Some(variable) = Variable::ALL.into_iter().find(|variable| variable.name() == from) else {
        violations.refuse_because(at, &rules::KNOWN_VARIABLE, Found(from));
        return None;
    };
    let available = match variable {
        Variable::FetchedAt => violations.require(has_source, at.as_str(), &rules::FETCHED_AT_NEEDS_SOURCE),
        Variable::Key | Variable::Offset | Variable::Partition => {
            violations.require(!has_source, at.as_str(), &rules::COORDINATES_NEED_NO_SOURCE)
        }
    };
    let fits = match variable {
        Variable::FetchedAt => field_type == FieldType::Timestamp,
        Variable::Offset => field_type == FieldType::Long,
        Variable::Partition => matches!(field_type, FieldType::Int | FieldType::Long),
        Variable::Key => true,
    };
    violations.require(fits, format!("{path}.type"), &rules::VARIABLE_TYPE);
    (available && fits).then_some(variable)
}
