//! Which records reach the table.

use userstream_crds::cel::{Context, Value};
use userstream_crds::expression::{Expression, functions};
use userstream_crds::model::{Field, Pipeline};

use super::cel_values::of_cell;
use super::error::MappingError;
use super::evaluation::Program;
use crate::record::Cells;

/// The filter of a pipeline: a CEL expression over the fields.
///
/// | type of the field | in the filter |
/// |---|---|
/// | `boolean` | `bool` |
/// | `int`, `long` | `int` |
/// | `double` | `double` |
/// | `decimal` | `double`, rounded to the nearest: compare with `10.0`, not with `10` |
/// | `string` | `string` |
/// | `uuid` | `string`, hyphenated, lower case |
/// | `timestamp` | `timestamp` |
/// | `date` | `timestamp` of its midnight in UTC |
/// | `bytes` | `bytes` |
///
/// An absent value is `null`, which compares equal to nothing but `null`, and with `<` and `>` to nothing at all: that
/// is an error.
pub struct Filter {
    functions: Context<'static>,
    program: Program,
    /// The fields that the expression refers to.
    fields: Box<[(usize, Box<str>)]>,
}

/// Why there is no filter for a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter: there is no field {name}")]
pub struct FilterError {
    /// What it refers to, as it is written.
    pub name: Box<str>,
}

impl Filter {
    /// The filter of a pipeline; none when it has none.
    ///
    /// # Errors
    /// When the expression refers to something that is no field.
    pub fn new(pipeline: &Pipeline) -> Result<Option<Self>, FilterError> {
        let filter = pipeline.processor.filter.as_ref();
        filter.map(|expression| Self::compile(expression, &pipeline.fields)).transpose()
    }

    /// A filter over these fields.
    ///
    /// # Errors
    /// When the expression refers to something that is no field.
    pub fn compile(expression: &Expression, fields: &[Field]) -> Result<Self, FilterError> {
        let functions = functions();
        let (program, variables) = Program::new(expression, &functions);
        let fields = variables.into_keys().map(|name| {
            match fields.iter().position(|field| field.name.as_str() == &*name) {
                Some(field) => Ok((field, name)),
                None => Err(FilterError { name }),
            }
        });
        Ok(Self { fields: fields.collect::<Result<_, _>>()?, functions, program })
    }

    /// Whether the record with these cells is kept.
    ///
    /// # Errors
    /// When the expression fails for this record, or results in something other than true or false.
    pub fn keeps(&self, cells: &Cells, input: &[u8]) -> Result<bool, MappingError> {
        let mut scope = self.functions.new_inner_scope();
        for (field, name) in &self.fields {
            scope.add_variable_from_value(&**name, of_cell(cells.get(*field), cells, input));
        }
        match self.program.evaluate(&scope) {
            Ok(Value::Bool(keeps)) => Ok(keeps),
            Ok(_) => Err(MappingError::FilterNotBoolean),
            Err(reason) => Err(MappingError::Filter { reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use userstream_crds::model::FieldType;

    use super::*;
    use crate::mapping::evaluation::EvaluationError;
    use crate::mapping::testing::{Value, cells, every_type};
    use crate::record::Cell;

    fn keeps(filter: &str, values: &[Value]) -> Result<bool, MappingError> {
        let expression = Expression::compile(filter).unwrap();
        let filter = Filter::compile(&expression, &every_type()).unwrap();
        filter.keeps(&cells(values), b"")
    }

    /// A value of each type, in the order of [`FieldType::ALL`].
    fn record() -> Vec<Value> {
        vec![
            Value::Cell(Cell::Uuid([0xab; 16])),
            Value::Text("XX".to_owned()),
            Value::Cell(Cell::Int(7)),
            Value::Cell(Cell::Long(1 << 40)),
            Value::Cell(Cell::Double(1.5)),
            Value::Cell(Cell::Decimal { unscaled: 1050, scale: 2 }),
            Value::Cell(Cell::Boolean(true)),
            Value::Cell(Cell::Timestamp(1_540_081_658_583)),
            Value::Cell(Cell::Date(11_016)),
            Value::Bytes(b"foo".to_vec()),
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
            ("long > 1000000000000", true),
            ("double < 1.6", true),
            ("decimal == 10.5", true),
            ("decimal > 10.49 && decimal < 10.51", true),
            ("boolean", true),
            ("!boolean", false),
            ("timestamp > timestamp('2018-10-21T00:27:38Z')", true),
            ("timestamp.getFullYear() == 2018", true),
            ("date == timestamp('2000-02-29T00:00:00Z')", true),
            ("date.getMonth() == 1", true),
            ("bytes == b'foo'", true),
            ("size(string) == 2", true),
            ("math.greatest(int, 9) == 9", true),
        ] {
            assert_eq!(keeps(filter, &record()), Ok(expected), "{filter}");
        }
    }

    #[test]
    fn an_absent_value_is_null() {
        let absent = vec![Value::Cell(Cell::Absent); FieldType::ALL.len()];
        for (filter, expected) in [
            ("string != 'XX'", true),
            ("string == 'XX'", false),
            ("int == null", true),
            ("int != null && int > 3", false),
        ] {
            assert_eq!(keeps(filter, &absent), Ok(expected), "{filter}");
        }
        let error = keeps("int > 3", &absent).unwrap_err();
        assert_eq!(error, MappingError::Filter { reason: EvaluationError::WrongTypes });
        assert_eq!(
            error.to_string(),
            "the filter fails: an operator or a function does not take values of these types"
        );
    }

    #[test]
    fn a_filter_is_true_or_false() {
        for filter in ["int", "string", "null", "[boolean]"] {
            assert_eq!(keeps(filter, &record()), Err(MappingError::FilterNotBoolean), "{filter}");
        }
    }

    #[test]
    fn a_filter_refers_to_fields_that_exist() {
        for (filter, name) in [("nat != 'XX'", "nat"), ("[1].exists(x, x == y)", "y")] {
            let expression = Expression::compile(filter).unwrap();
            let error = Filter::compile(&expression, &every_type()).err();
            assert_eq!(error, Some(FilterError { name: name.into() }), "{filter}");
        }
    }
}
