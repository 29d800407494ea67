//! Which records reach the table.

use userstream_crds::expression::{
    Budget, EvaluationErrorKind, FieldsExpression, Timestamp, Value, Variables,
};
use userstream_crds::model::Pipeline;

use super::error::MappingError;
use super::evaluation::evaluate;
use crate::record::text::{decimal, uuid};
use crate::record::{Cell, Cells};

/// The filter of a pipeline: an expression over the fields.
///
/// | type of the field | in the filter |
/// |---|---|
/// | `boolean` | `bool` |
/// | `int`, `long` | `int` |
/// | `double` | `double` |
/// | `decimal` | decimal, exact |
/// | `string` | `string` |
/// | `uuid` | `string`, hyphenated, lower case |
/// | `timestamp` | `timestamp` |
/// | `date` | `timestamp` of its midnight in UTC |
/// | `bytes` | `bytes` |
///
/// An absent value equals `null` and nothing else. What is computed from it is absent, and a record whose filter is absent
/// is left out, as in SQL.
pub struct Filter {
    expression: FieldsExpression,
    budget: Budget,
}

impl Filter {
    /// The filter of a pipeline; none when it has none.
    pub fn new(pipeline: &Pipeline) -> Option<Self> {
        pipeline.processor.filter.as_ref().map(Self::of)
    }

    /// A filter over the fields that an expression was compiled with, in the order of the schema.
    pub fn of(expression: &FieldsExpression) -> Self {
        Self { expression: expression.clone(), budget: Budget::new() }
    }

    /// Whether the record with these cells is kept: whether the expression is true for it.
    ///
    /// # Errors
    /// When the expression fails for this record, or gives something other than true or false.
    pub fn keeps(&mut self, cells: &Cells, input: &[u8]) -> Result<bool, MappingError> {
        self.budget.renew();
        let fields = Fields { fields: self.expression.variables(), cells, input };
        match evaluate(&self.expression, &fields, &self.budget) {
            Ok(Value::Bool(keeps) | Value::Optional(Some(&Value::Bool(keeps)))) => Ok(keeps),
            Ok(Value::Absent | Value::Null | Value::Optional(None)) => Ok(false),
            Ok(_) => Err(MappingError::FilterNotBoolean),
            Err(reason) => Err(MappingError::Filter { reason }),
        }
    }
}

/// The fields of a record as the variables of a filter.
struct Fields<'a> {
    /// The field of each variable.
    fields: &'a [usize],
    cells: &'a Cells,
    input: &'a [u8],
}

impl<'a> Variables<'a> for Fields<'a> {
    fn variable(&self, variable: usize, budget: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind> {
        const MILLISECONDS_PER_DAY: i64 = 86_400_000;
        let cell = self.fields.get(variable).map(|field| self.cells.get(*field)).unwrap_or_default();
        Ok(match cell {
            Cell::Absent => Value::Absent,
            Cell::Boolean(boolean) => Value::Bool(boolean),
            Cell::Int(integer) => Value::Int(i64::from(integer)),
            Cell::Long(integer) => Value::Int(integer),
            Cell::Double(double) => Value::Double(double),
            Cell::Decimal { unscaled, scale } => {
                Value::Decimal(budget.keep_text(&written(|out| decimal::write(out, unscaled, scale)))?)
            }
            Cell::Text(span) => Value::String(self.cells.text(self.input, span)),
            Cell::Uuid(bytes) => Value::String(budget.keep_text(&written(|out| uuid::write(out, bytes)))?),
            Cell::Timestamp(milliseconds) => Value::Timestamp(Timestamp::from_milliseconds(milliseconds)),
            Cell::Date(days) => {
                Value::Timestamp(Timestamp::from_milliseconds(i64::from(days) * MILLISECONDS_PER_DAY))
            }
            Cell::Bytes(span) => Value::Bytes(self.cells.bytes(self.input, span)),
        })
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use userstream_crds::expression::Kinds;
    use userstream_crds::model::FieldType;
    use userstream_crds::model::field_kinds::kinds;

    use super::*;
    use crate::mapping::testing::{Value as Content, cells};

    fn compiled(filter: &str) -> Filter {
        let fields: Vec<(&str, Kinds)> =
            FieldType::ALL.into_iter().map(|field_type| (field_type.name(), kinds(field_type))).collect();
        Filter::of(&FieldsExpression::compile(filter, &fields, Kinds::BOOL).unwrap())
    }

    fn keeps(filter: &str, values: &[Content]) -> Result<bool, MappingError> {
        compiled(filter).keeps(&cells(values), b"")
    }

    /// A value of each type, in the order of [`FieldType::ALL`].
    fn record() -> Vec<Content> {
        vec![
            Content::Cell(Cell::Uuid([0xab; 16])),
            Content::Text("XX".to_owned()),
            Content::Cell(Cell::Int(7)),
            Content::Cell(Cell::Long(1 << 40)),
            Content::Cell(Cell::Double(1.5)),
            Content::Cell(Cell::Decimal { unscaled: 1050, scale: 2 }),
            Content::Cell(Cell::Boolean(true)),
            Content::Cell(Cell::Timestamp(1_540_081_658_583)),
            Content::Cell(Cell::Date(11_016)),
            Content::Bytes(b"foo".to_vec()),
        ]
    }

    // Fields may be named like types of CEL and functions, and still be variables.
    #[test]
    fn fields_are_typed_values() {
        for (filter, expected) in [
            ("uuid == 'abababab-abab-abab-abab-abababababab'", true),
            ("string != 'XX'", false),
            ("string in ['DE', 'XX']", true),
            ("string.startsWith('X') && int > 6", true),
            ("int + 1 == 8", true),
            ("int == 7.0 && double == 1.5 && double * 2 == 3", true),
            ("long > 1000000000000", true),
            ("double < 1.6", true),
            ("decimal == 10.5", true),
            ("decimal > 10.49 && decimal < 10.51", true),
            ("string(decimal) == '10.50'", true),
            ("boolean", true),
            ("!boolean", false),
            ("timestamp > timestamp('2018-10-21T00:27:38Z')", true),
            ("timestamp.getFullYear() == 2018", true),
            ("date == timestamp('2000-02-29T00:00:00Z')", true),
            ("date.getMonth() == 1", true),
            ("bytes == b'foo'", true),
            ("size(string) == 2", true),
            ("math.greatest(int, 9) == 9", true),
            ("has(int) && has(self.int)", true),
        ] {
            assert_eq!(keeps(filter, &record()), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn a_double_in_a_filter_equals_an_integer() {
        let mut values = record();
        values[4] = Content::Cell(Cell::Double(6.0));
        assert_eq!(keeps("double == 6", &values), Ok(true));
        values[4] = Content::Cell(Cell::Double(4.9));
        assert_eq!(keeps("double == 6", &values), Ok(false));
        assert_eq!(keeps("double == 4.9", &values), Ok(true));
    }

    #[test]
    fn a_record_whose_filter_is_absent_is_left_out() {
        let absent = vec![Content::Cell(Cell::Absent); FieldType::ALL.len()];
        for (filter, expected) in [
            ("string != 'XX'", true),
            ("string == 'XX'", false),
            ("int == null", true),
            ("int != null && int > 3", false),
            ("int > 3", false),
            ("!(int > 3)", false),
            ("int > 3 || string == null", true),
            ("boolean", false),
            ("has(int)", false),
        ] {
            assert_eq!(keeps(filter, &absent), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn a_filter_that_fails_names_the_reason_and_no_value() {
        for (filter, message) in [
            ("int / (int - 7) == 1", "the filter fails: a division by zero, at column 5"),
            ("int(string) > 1", "the filter fails: `int`: the text is not an int, at column 1"),
            ("dyn(string) < int", "the filter fails: `<` does not take a string and an int, at column 13"),
        ] {
            assert_eq!(keeps(filter, &record()).unwrap_err().to_string(), message, "{filter}");
        }
        assert_eq!(keeps("dyn(int)", &record()), Err(MappingError::FilterNotBoolean));
    }

    #[test]
    fn the_budget_is_that_of_a_record() {
        let mut filter = compiled("[1, 2, 3].all(a, [1, 2, 3].all(b, string.size() == 2))");
        let cells = cells(&record());
        for _ in 0..20_000 {
            assert_eq!(filter.keeps(&cells, b""), Ok(true));
        }
    }
}
