//! The fields whose values are computed from the record.

use userstream_crds::expression::{Budget, EvaluationErrorKind, RecordExpression, Value, Variables};

use super::convert::{Destination, convert};
use super::error::MappingError;
use super::evaluation::evaluate;
use super::record_members::{RecordMembers, Slot};
use super::refusal::Kind;
use super::scalar::Scalar;
use super::target::Target;

/// The fields whose values are computed. There is at least one.
pub(super) struct Expressions {
    /// What the expressions together read.
    members: RecordMembers,
    fields: Vec<Computed>,
    budget: Budget,
}

/// A field with its expression.
struct Computed {
    target: Target,
    expression: RecordExpression,
    /// The slot of each variable.
    slots: Box<[usize]>,
}

/// The variables of an expression, by the slots of the record's members.
struct Members<'v, 'a> {
    slots: &'v [usize],
    values: &'v [Slot<'a>],
}

impl<'a> Variables<'a> for Members<'_, 'a> {
    fn variable(&self, variable: usize, _: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind> {
        let slot = self.slots.get(variable).and_then(|slot| self.values.get(*slot));
        slot.copied().unwrap_or(Ok(Value::Absent))
    }
}

impl Expressions {
    pub(super) fn new() -> Self {
        Self { members: RecordMembers::default(), fields: Vec::new(), budget: Budget::new() }
    }

    /// Adds a field.
    pub(super) fn push(&mut self, target: Target, expression: &RecordExpression) {
        let slots = expression.variables().iter().map(|path| self.members.slot(path)).collect();
        self.fields.push(Computed { target, expression: expression.clone(), slots });
    }

    /// Sets the cells of the fields. All of them together have the budget of one record.
    pub(super) fn evaluate(
        &mut self,
        document: &str,
        destination: &mut Destination<'_>,
    ) -> Result<(), MappingError> {
        /// Few pipelines read more members. These values are not allocated.
        const FEW: usize = 16;
        self.budget.renew();
        let mut few = [Ok(Value::Absent); FEW];
        let mut many = Vec::new();
        let values = match few.get_mut(..self.members.slots()) {
            Some(values) => values,
            None => {
                many.resize(self.members.slots(), Ok(Value::Absent));
                many.as_mut_slice()
            }
        };
        self.members.read(document, &self.budget, values)?;
        for Computed { target, expression, slots } in &self.fields {
            let value = evaluate(expression, &Members { slots, values }, &self.budget)
                .map_err(|reason| target.failed(reason))?;
            let mut digits = itoa::Buffer::new();
            convert(target, &scalar(&value, &mut digits), destination)
                .map_err(|reason| target.refused(reason))?;
        }
        Ok(())
    }
}

/// The result of an expression as a value to convert. `digits` is where a number is put as text.
fn scalar<'a>(value: &Value<'a>, digits: &'a mut itoa::Buffer) -> Scalar<'a> {
    match *value {
        Value::Absent | Value::Null | Value::Optional(None) => Scalar::Null,
        Value::Bool(boolean) => Scalar::Boolean(boolean),
        Value::Int(integer) => Scalar::Number(digits.format(integer)),
        Value::Uint(integer) => Scalar::Number(digits.format(integer)),
        Value::Decimal(text) => Scalar::Number(text),
        Value::Double(double) => Scalar::Double(double),
        Value::String(text) => Scalar::Text(text),
        Value::Bytes(bytes) => Scalar::Bytes(bytes),
        Value::Timestamp(time) => Scalar::Timestamp(time.milliseconds()),
        Value::List(_) => Scalar::Unconvertible(Kind::Array),
        Value::Map(_) => Scalar::Unconvertible(Kind::Object),
        Value::Optional(Some(value)) => scalar(value, digits),
        Value::Duration(_)
        | Value::Type(_)
        | Value::Url(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Semver(_)
        | Value::Quantity(_) => Scalar::Unconvertible(Kind::Other),
    }
}

#[cfg(test)]
mod tests {
    use userstream_crds::expression::Kinds;
    use userstream_crds::model::FieldType;
    use userstream_crds::model::field_kinds::convertible_kinds;

    use super::*;
    use crate::mapping::refusal::Refusal;
    use crate::mapping::testing::field;
    use crate::record::Cells;

    #[test]
    fn results_are_converted_as_the_validation_assumes() {
        let values = [
            (Kinds::BOOL, Value::Bool(true)),
            (Kinds::INT, Value::Int(1)),
            (Kinds::UINT, Value::Uint(1)),
            (Kinds::DOUBLE, Value::Double(1.0)),
            (Kinds::DECIMAL, Value::Decimal("12345678901234567890")),
            (Kinds::STRING, Value::String("x")),
            (Kinds::BYTES, Value::Bytes(b"x")),
            (Kinds::LIST, Value::List(&[])),
            (
                Kinds::TIMESTAMP,
                Value::Timestamp(userstream_crds::expression::Timestamp::from_milliseconds(0)),
            ),
            (Kinds::DURATION, Value::Duration(1)),
            (Kinds::URL, Value::Url("/")),
        ];
        for field_type in FieldType::ALL {
            let target = Target::new(0, &field("f", field_type, "f"));
            for (kinds, value) in values {
                let mut cells = Cells::default();
                cells.reset(1, 0);
                let mut destination = Destination { input: b"", cells: &mut cells, decoded: &mut Vec::new() };
                let outcome = convert(&target, &scalar(&value, &mut itoa::Buffer::new()), &mut destination);
                let by_kind = matches!(outcome, Err(Refusal::Kind(_)));
                assert_eq!(
                    !by_kind,
                    convertible_kinds(field_type).overlaps(kinds),
                    "{kinds} to {}",
                    field_type.name()
                );
            }
        }
    }
}
