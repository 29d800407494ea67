//! Converts a cell to the type of its column, including the conversions of `cast`.
//!
//! | field | column | value |
//! |---|---|---|
//! | any but bytes | `text`, `ascii` | the JSON form; strings unchanged |
//! | string | any but `blob` | the text, parsed as in a record |
//! | int, long | `double` | the nearest double |
//! | int, long | `decimal` | the same number, with scale 0 |
//! | long | `int` | the same number, if it is in range |
//! | timestamp | `date` | the day in UTC |
//! | timestamp | `bigint` | milliseconds since the Unix epoch |

use std::borrow::Cow;

use userstream_crds::model::CqlType;

use crate::record::text::{date, decimal, timestamp, uuid};
use crate::record::{Cell, RowRef};

const MILLISECONDS_OF_A_DAY: i64 = 86_400_000;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ColumnValue<'a> {
    /// `uuid`, in network byte order.
    Uuid([u8; 16]),
    /// `text`, or `ascii` if every byte is below 128.
    Text(Cow<'a, str>),
    /// `int`
    Int(i32),
    /// `bigint`
    BigInt(i64),
    /// `varint`
    VarInt(i128),
    /// `double`
    Double(f64),
    /// `decimal`: `unscaled` × 10^-`scale`
    Decimal {
        /// The digits, as an integer.
        unscaled: i128,
        /// The number of digits after the decimal point.
        scale: i32,
    },
    /// `boolean`
    Boolean(bool),
    /// `timestamp`, in milliseconds since the Unix epoch.
    Timestamp(i64),
    /// `date`, in days since the Unix epoch.
    Date(i32),
    /// `blob`
    Blob(&'a [u8]),
}

/// Why a column cannot hold a value. Never contains the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ColumnValueError {
    /// Text that is not US-ASCII.
    #[error("the text is not ascii, as the column requires")]
    NotAscii,
    /// Text that does not parse as the type of the column.
    #[error("the text is not a {}", .0.name())]
    NotA(CqlType),
    /// A number or time that is out of range.
    #[error("the value is out of the range of {}", .0.name())]
    OutOfRange(CqlType),
    /// The conversion does not exist.
    #[error("the value cannot be converted to {}", .0.name())]
    NoConversion(CqlType),
    /// A column of the primary key has no value.
    #[error("a column of the primary key has no value")]
    AbsentKey,
    /// The value is larger than a request may be.
    #[error("the value is larger than 2 GiB")]
    TooLarge,
}

impl ColumnValueError {
    /// The name of the cause for metrics and dead letters.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::NotAscii => "not_ascii",
            Self::NotA(_) | Self::NoConversion(_) => "not_convertible",
            Self::OutOfRange(_) => "out_of_range",
            Self::AbsentKey => "no_key",
            Self::TooLarge => "too_large",
        }
    }
}

/// The value of a cell in a column of this type. `None` when the cell is absent.
///
/// # Errors
/// When the column cannot hold it.
pub(crate) fn column_value(
    row: RowRef<'_>,
    cell: Cell,
    column: CqlType,
) -> Result<Option<ColumnValue<'_>>, ColumnValueError> {
    let value = match (cell, column) {
        (Cell::Absent, _) => return Ok(None),
        (Cell::Text(span), _) => of_text(row.text(span), column)?,
        (Cell::Bytes(span), CqlType::Blob) => ColumnValue::Blob(row.bytes(span)),
        (Cell::Uuid(bytes), CqlType::Uuid) => ColumnValue::Uuid(bytes),
        (Cell::Boolean(value), CqlType::Boolean) => ColumnValue::Boolean(value),
        (Cell::Int(value), CqlType::Int) => ColumnValue::Int(value),
        (Cell::Int(value), _) => of_long(value.into(), column)?,
        (Cell::Long(value), _) => of_long(value, column)?,
        (Cell::Double(value), CqlType::Double) => ColumnValue::Double(value),
        (Cell::Decimal { unscaled, scale }, CqlType::Decimal) => ColumnValue::Decimal { unscaled, scale },
        (Cell::Date(days), CqlType::Date) => ColumnValue::Date(days),
        (Cell::Timestamp(milliseconds), CqlType::Timestamp) => ColumnValue::Timestamp(milliseconds),
        (Cell::Timestamp(milliseconds), CqlType::BigInt) => ColumnValue::BigInt(milliseconds),
        (Cell::Timestamp(milliseconds), CqlType::Date) => {
            let days = milliseconds.div_euclid(MILLISECONDS_OF_A_DAY);
            ColumnValue::Date(i32::try_from(days).map_err(|_| ColumnValueError::OutOfRange(column))?)
        }
        (_, CqlType::Text | CqlType::Ascii) => ColumnValue::Text(Cow::Owned(json_form(cell, column)?)),
        _ => return Err(ColumnValueError::NoConversion(column)),
    };
    Ok(Some(value))
}

fn of_long(value: i64, column: CqlType) -> Result<ColumnValue<'static>, ColumnValueError> {
    Ok(match column {
        CqlType::BigInt => ColumnValue::BigInt(value),
        CqlType::VarInt => ColumnValue::VarInt(value.into()),
        CqlType::Int => {
            ColumnValue::Int(i32::try_from(value).map_err(|_| ColumnValueError::OutOfRange(column))?)
        }
        CqlType::Double => ColumnValue::Double(value as f64),
        CqlType::Decimal => ColumnValue::Decimal { unscaled: value.into(), scale: 0 },
        CqlType::Text | CqlType::Ascii => ColumnValue::Text(Cow::Owned(value.to_string())),
        _ => return Err(ColumnValueError::NoConversion(column)),
    })
}

fn of_text(text: &str, column: CqlType) -> Result<ColumnValue<'_>, ColumnValueError> {
    let not_a = ColumnValueError::NotA(column);
    Ok(match column {
        CqlType::Text => ColumnValue::Text(Cow::Borrowed(text)),
        CqlType::Ascii if text.is_ascii() => ColumnValue::Text(Cow::Borrowed(text)),
        CqlType::Ascii => return Err(ColumnValueError::NotAscii),
        CqlType::Uuid => ColumnValue::Uuid(uuid::read(text).ok_or(not_a)?),
        CqlType::Int => ColumnValue::Int(json(text).ok_or(not_a)?),
        CqlType::BigInt => ColumnValue::BigInt(json(text).ok_or(not_a)?),
        CqlType::VarInt => ColumnValue::VarInt(json(text).ok_or(not_a)?),
        CqlType::Double => ColumnValue::Double(json(text).ok_or(not_a)?),
        CqlType::Decimal => {
            let (unscaled, scale) = decimal::read(text).map_err(|_| not_a)?;
            ColumnValue::Decimal { unscaled, scale }
        }
        CqlType::Boolean => ColumnValue::Boolean(json(text).ok_or(not_a)?),
        CqlType::Timestamp => ColumnValue::Timestamp(timestamp::read(text).map_err(|_| not_a)?),
        CqlType::Date => {
            let days = date::read(text).or_else(|| timestamp::read_local_day(text).ok());
            ColumnValue::Date(days.ok_or(not_a)?)
        }
        CqlType::Blob => return Err(ColumnValueError::NoConversion(column)),
    })
}

/// Parses a number or boolean by the grammar of JSON: no `+5`, no `inf`, no `True`.
fn json<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// The JSON form of a cell that is neither text nor bytes.
fn json_form(cell: Cell, column: CqlType) -> Result<String, ColumnValueError> {
    let mut out = Vec::new();
    let written = match cell {
        Cell::Uuid(bytes) => {
            uuid::write(&mut out, bytes);
            Some(())
        }
        Cell::Boolean(value) => return Ok(value.to_string()),
        Cell::Double(value) => serde_json::to_writer(&mut out, &value).ok(),
        Cell::Decimal { unscaled, scale } => {
            decimal::write(&mut out, unscaled, scale);
            Some(())
        }
        Cell::Timestamp(milliseconds) => timestamp::write(&mut out, milliseconds),
        Cell::Date(days) => date::write(&mut out, days),
        Cell::Absent | Cell::Int(_) | Cell::Long(_) | Cell::Text(_) | Cell::Bytes(_) => {
            return Err(ColumnValueError::NoConversion(column));
        }
    };
    written.and_then(|()| String::from_utf8(out).ok()).ok_or(ColumnValueError::OutOfRange(column))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use userstream_crds::model::FieldType;

    use super::*;
    use crate::record::{AsRow, LogRecord, Record, RecordRow};

    /// A row with one text cell, and that cell.
    fn text(value: &str) -> (RecordRow, Cell) {
        let mut row = RecordRow {
            origin: LogRecord {
                record: Record::new(Vec::new(), Some(value.as_bytes()), 0),
                ..LogRecord::default()
            },
            ..RecordRow::default()
        };
        row.cells.reset(1, value.len());
        let span = row.cells.make(value.as_bytes()).unwrap();
        (row, Cell::Text(span))
    }

    fn of_cell(cell: Cell, column: CqlType) -> Result<ColumnValue<'static>, ColumnValueError> {
        let row = RecordRow::default();
        match column_value(row.as_row(), cell, column)?.unwrap() {
            ColumnValue::Text(text) => Ok(ColumnValue::Text(Cow::Owned(text.into_owned()))),
            ColumnValue::Uuid(value) => Ok(ColumnValue::Uuid(value)),
            ColumnValue::Int(value) => Ok(ColumnValue::Int(value)),
            ColumnValue::BigInt(value) => Ok(ColumnValue::BigInt(value)),
            ColumnValue::VarInt(value) => Ok(ColumnValue::VarInt(value)),
            ColumnValue::Double(value) => Ok(ColumnValue::Double(value)),
            ColumnValue::Decimal { unscaled, scale } => Ok(ColumnValue::Decimal { unscaled, scale }),
            ColumnValue::Boolean(value) => Ok(ColumnValue::Boolean(value)),
            ColumnValue::Timestamp(value) => Ok(ColumnValue::Timestamp(value)),
            ColumnValue::Date(value) => Ok(ColumnValue::Date(value)),
            ColumnValue::Blob(_) => panic!("a blob borrows its row"),
        }
    }

    fn text_of(cell: Cell) -> String {
        match of_cell(cell, CqlType::Text).unwrap() {
            ColumnValue::Text(text) => text.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// A cell of a field of this type that converts to every type it can be cast to.
    fn sample(field_type: FieldType) -> (RecordRow, Cell) {
        let cell = match field_type {
            FieldType::Uuid => Cell::Uuid([7; 16]),
            FieldType::Int => Cell::Int(7),
            FieldType::Long => Cell::Long(7),
            FieldType::Double => Cell::Double(0.5),
            FieldType::Decimal => Cell::Decimal { unscaled: 5, scale: 1 },
            FieldType::Boolean => Cell::Boolean(true),
            FieldType::Timestamp => Cell::Timestamp(1),
            FieldType::Date => Cell::Date(1),
            FieldType::String | FieldType::Bytes => {
                let (row, cell) = text("7");
                let Cell::Text(span) = cell else { panic!() };
                return (row, if field_type == FieldType::Bytes { Cell::Bytes(span) } else { cell });
            }
        };
        (RecordRow::default(), cell)
    }

    #[test]
    fn every_field_type_converts_to_its_valid_column_types() {
        for field_type in FieldType::ALL {
            let (row, cell) = sample(field_type);
            for column in field_type.cql_types().iter().chain(field_type.castable_cql_types()) {
                let value = column_value(row.as_row(), cell, *column);
                // No single text parses as a UUID, a number and a day; other tests cover strings.
                if field_type != FieldType::String {
                    assert!(matches!(value, Ok(Some(_))), "{field_type:?} as {column:?}: {value:?}");
                } else {
                    assert!(
                        !matches!(value, Err(ColumnValueError::NoConversion(_))),
                        "{field_type:?} as {column:?}: {value:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn texts_are_parsed_as_in_a_record() {
        for (written, column, expected) in [
            (
                "9313706E-D4DE-4D85-BCC9-B7DA0CA02FBA",
                CqlType::Uuid,
                "Uuid([147, 19, 112, 110, 212, 222, 77, 133, 188, 201, 183, 218, 12, 160, 47, 186])",
            ),
            ("-5", CqlType::Int, "Int(-5)"),
            ("9223372036854775807", CqlType::BigInt, "BigInt(9223372036854775807)"),
            ("123456789012345678901234567890", CqlType::VarInt, "VarInt(123456789012345678901234567890)"),
            ("1e3", CqlType::Double, "Double(1000.0)"),
            ("1.50", CqlType::Decimal, "Decimal { unscaled: 150, scale: 2 }"),
            ("true", CqlType::Boolean, "Boolean(true)"),
            ("1970-01-01T00:00:01.5+00:00", CqlType::Timestamp, "Timestamp(1500)"),
            ("1970-01-03", CqlType::Date, "Date(2)"),
            ("1970-01-03T23:00:00-05:00", CqlType::Date, "Date(2)"),
            ("plain", CqlType::Ascii, "Text(\"plain\")"),
        ] {
            let (row, cell) = text(written);
            let value = column_value(row.as_row(), cell, column).unwrap().unwrap();
            assert_eq!(format!("{value:?}"), expected, "{written} as {column:?}");
        }
    }

    #[test]
    fn invalid_texts_are_refused_without_being_quoted() {
        for (written, column) in [
            ("hunter2", CqlType::Uuid),
            ("+5", CqlType::Int),
            ("3.0", CqlType::Int),
            ("2147483648", CqlType::Int),
            ("inf", CqlType::Double),
            ("1e999", CqlType::Double),
            ("1,5", CqlType::Decimal),
            ("True", CqlType::Boolean),
            ("yesterday", CqlType::Timestamp),
            ("1970-02-30", CqlType::Date),
        ] {
            let (row, cell) = text(written);
            let error = column_value(row.as_row(), cell, column).unwrap_err();
            assert_eq!(error.cause(), "not_convertible");
            assert!(!error.to_string().contains(written), "{error}");
        }
    }

    #[test]
    fn ascii_column_refuses_other_text() {
        let (row, cell) = text("Oğuzhan");
        assert_eq!(column_value(row.as_row(), cell, CqlType::Ascii), Err(ColumnValueError::NotAscii));
    }

    #[test]
    fn values_have_their_json_form_in_text_columns() {
        assert_eq!(text_of(Cell::Long(-7)), "-7");
        assert_eq!(text_of(Cell::Double(0.1)), "0.1");
        assert_eq!(text_of(Cell::Boolean(false)), "false");
        assert_eq!(text_of(Cell::Decimal { unscaled: -150, scale: 2 }), "-1.50");
        assert_eq!(text_of(Cell::Timestamp(1_540_081_658_583)), "2018-10-21T00:27:38.583Z");
        assert_eq!(text_of(Cell::Date(17_825)), "2018-10-21");
        assert_eq!(text_of(Cell::Uuid([0; 16])), "00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn long_beyond_int_is_out_of_range() {
        assert_eq!(
            of_cell(Cell::Long(1 << 31), CqlType::Int),
            Err(ColumnValueError::OutOfRange(CqlType::Int))
        );
        assert_eq!(of_cell(Cell::Long(-(1 << 31)), CqlType::Int), Ok(ColumnValue::Int(i32::MIN)));
    }

    proptest! {
        #[test]
        fn date_of_a_timestamp_starts_at_or_before_it(milliseconds in -60_000_000_000_000_i64..200_000_000_000_000) {
            let Ok(ColumnValue::Date(day)) = of_cell(Cell::Timestamp(milliseconds), CqlType::Date) else { panic!() };
            let begin = i64::from(day) * MILLISECONDS_OF_A_DAY;
            prop_assert!(begin <= milliseconds && milliseconds < begin + MILLISECONDS_OF_A_DAY);
        }
    }
}
