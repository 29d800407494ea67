//! Schemas and values for tests.

use proptest::prelude::*;
use userstream_crds::expression::{Kinds, RecordExpression};
use userstream_crds::model::{Field, FieldType, Origin};

use crate::record::text::{date, decimal, timestamp};
use crate::record::{Cell, Cells};

/// An optional field with the value at a path.
pub(crate) fn field(name: &str, field_type: FieldType, path: &str) -> Field {
    let origin = Origin::Path(path.parse().unwrap());
    Field { name: name.parse().unwrap(), field_type, origin, required: false }
}

/// The same field, required.
pub(crate) fn required(field: Field) -> Field {
    Field { required: true, ..field }
}

/// An optional field with the value of an expression.
pub(crate) fn computed(name: &str, field_type: FieldType, expression: &str) -> Field {
    let origin = Origin::Expression(RecordExpression::compile(expression, Kinds::ANY).unwrap());
    Field { name: name.parse().unwrap(), field_type, origin, required: false }
}

/// A cell with the bytes it refers to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A cell that refers to no bytes.
    Cell(Cell),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The values of cells.
pub(crate) fn values(cells: &Cells, input: &[u8]) -> Vec<Value> {
    let value = |field| match cells.get(field) {
        Cell::Text(span) => Value::Text(cells.text(input, span).to_owned()),
        Cell::Bytes(span) => Value::Bytes(cells.bytes(input, span).to_vec()),
        cell => Value::Cell(cell),
    };
    (0..cells.len()).map(value).collect()
}

/// Cells with these values, over an empty input.
pub(crate) fn cells(values: &[Value]) -> Cells {
    let mut cells = Cells::default();
    cells.reset(values.len(), 0);
    for (field, value) in values.iter().enumerate() {
        let cell = match value {
            Value::Cell(cell) => *cell,
            Value::Text(text) => Cell::Text(cells.make(text.as_bytes()).unwrap()),
            Value::Bytes(bytes) => Cell::Bytes(cells.make(bytes).unwrap()),
        };
        cells.set(field, cell);
    }
    cells
}

/// Any value that a mapper can give a field of this type.
pub(crate) fn any_value(field_type: FieldType) -> BoxedStrategy<Value> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let present = match field_type {
        FieldType::Uuid => any::<[u8; 16]>().prop_map(|it| Value::Cell(Cell::Uuid(it))).boxed(),
        FieldType::String => "(\\PC|[\\x00-\\x1f\"\\\\]|[a-z ]{8}){0,20}".prop_map(Value::Text).boxed(),
        FieldType::Int => any::<i32>().prop_map(|it| Value::Cell(Cell::Int(it))).boxed(),
        FieldType::Long => any::<i64>().prop_map(|it| Value::Cell(Cell::Long(it))).boxed(),
        FieldType::Double => (POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO)
            .prop_map(|it| Value::Cell(Cell::Double(it)))
            .boxed(),
        FieldType::Decimal => (-decimal::tests::MAX..=decimal::tests::MAX, decimal::SCALES)
            .prop_map(|(unscaled, scale)| Value::Cell(Cell::Decimal { unscaled, scale }))
            .boxed(),
        FieldType::Boolean => any::<bool>().prop_map(|it| Value::Cell(Cell::Boolean(it))).boxed(),
        FieldType::Timestamp => timestamp::RANGE.prop_map(|it| Value::Cell(Cell::Timestamp(it))).boxed(),
        FieldType::Date => date::tests::RANGE.prop_map(|it| Value::Cell(Cell::Date(it))).boxed(),
        FieldType::Bytes => any::<Vec<u8>>().prop_map(Value::Bytes).boxed(),
    };
    prop_oneof![1 => Just(Value::Cell(Cell::Absent)), 9 => present].boxed()
}

/// Any record of this schema.
pub(crate) fn any_values(fields: &[Field]) -> BoxedStrategy<Vec<Value>> {
    fields.iter().map(|field| any_value(field.field_type)).collect::<Vec<_>>().boxed()
}

/// A schema with a field of each type, each by its name.
pub(crate) fn every_type() -> Vec<Field> {
    FieldType::ALL
        .into_iter()
        .map(|field_type| field(field_type.name(), field_type, field_type.name()))
        .collect()
}
