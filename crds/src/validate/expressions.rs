//! `expr` and `filter`.

use crate::model::field_kinds::{convertible_kinds, kinds};
use crate::resource::record_schema::{FieldSpec, FieldType};
use crate::rules;
use userstream_expression::{
    ExpressionError, ExpressionErrorKind, FieldsExpression, Kinds, RecordExpression,
};

use super::violations::Violations;

/// The `expr` of a field, whose result must convert to the field's type.
pub(super) fn computed(
    expression: &str,
    field_type: FieldType,
    path: String,
    violations: &mut Violations,
) -> Option<RecordExpression> {
    violations.take(
        path,
        &rules::EXPRESSION,
        RecordExpression::compile(expression, convertible_kinds(field_type)),
    )
}

/// The filter, which is over the declared fields.
pub(super) fn filter(
    expression: &str,
    fields: &[FieldSpec],
    violations: &mut Violations,
) -> Option<FieldsExpression> {
    let path = "spec.processor.filter";
    let fields: Vec<(&str, Kinds)> =
        fields.iter().map(|field| (field.name.as_str(), kinds(field.field_type))).collect();
    match FieldsExpression::compile(expression, &fields, Kinds::BOOL) {
        Err(error @ ExpressionError { kind: ExpressionErrorKind::UnknownName { .. }, .. }) => {
            violations.refuse_because(path, &rules::FILTER_NAMES_FIELDS, error);
            None
        }
        compiled => violations.take(path, &rules::EXPRESSION, compiled),
    }
}
