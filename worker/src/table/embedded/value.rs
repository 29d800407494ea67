//! Values as SQLite stores them, and in the serialized form by which Cassandra compares them.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::types::Value;
use userstream_crds::model::CqlType;

use crate::record::{Cell, RowRef};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Why a column cannot hold a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SqliteValueError {
    /// The time is before the year -9999 or after 9999.
    #[error("the time is out of range")]
    Time,
    /// SQLite cannot store NaN.
    #[error("the value is not a number")]
    NotANumber,
    /// The type of the field does not convert to the type of the column.
    #[error("the value does not convert to the type of the column")]
    Type,
}

/// The type of a column in SQLite.
pub(super) fn declared_type(cql_type: CqlType) -> &'static str {
    match cql_type {
        CqlType::Uuid
        | CqlType::Text
        | CqlType::Ascii
        | CqlType::Timestamp
        | CqlType::Date
        | CqlType::Decimal => "TEXT",
        CqlType::Int | CqlType::BigInt | CqlType::Boolean => "INTEGER",
        // Stored as text when it has more than 64 bits.
        CqlType::VarInt => "ANY",
        CqlType::Double => "REAL",
        CqlType::Blob => "BLOB",
    }
}

/// The stored value of a cell. `None` when the cell is absent.
pub(super) fn to_sqlite(
    row: RowRef<'_>,
    cell: Cell,
    column: CqlType,
) -> Result<Option<Value>, SqliteValueError> {
    let value = match (column, cell) {
        (_, Cell::Absent) => return Ok(None),
        (CqlType::Text | CqlType::Ascii, Cell::Text(span)) => Value::Text(row.text(span).to_owned()),
        (CqlType::Blob, Cell::Bytes(span)) => Value::Blob(row.bytes(span).to_owned()),
        (CqlType::Uuid, Cell::Uuid(bytes)) => Value::Text(uuid_text(bytes)),
        (CqlType::Int | CqlType::BigInt | CqlType::VarInt, Cell::Int(value)) => Value::Integer(value.into()),
        (CqlType::BigInt | CqlType::VarInt, Cell::Long(value)) => Value::Integer(value),
        (CqlType::Double, Cell::Double(value)) if value.is_nan() => return Err(SqliteValueError::NotANumber),
        (CqlType::Double, Cell::Double(value)) => Value::Real(value),
        (CqlType::Decimal, Cell::Decimal { unscaled, scale }) => Value::Text(decimal_text(unscaled, scale)),
        (CqlType::Boolean, Cell::Boolean(value)) => Value::Integer(value.into()),
        (CqlType::Timestamp, Cell::Timestamp(milliseconds)) => Value::Text(timestamp_text(milliseconds)?),
        (CqlType::Date, Cell::Date(days)) => Value::Text(date_text(days)?),
        _ => return Err(SqliteValueError::Type),
    };
    Ok(Some(value))
}

/// The bytes by which Cassandra compares two values with the same write time: the larger wins. Empty for a value that
/// this column cannot have.
pub(super) fn serialized(value: &Value, column: CqlType) -> Vec<u8> {
    let parsed = match (column, value) {
        (CqlType::Int, Value::Integer(value)) => {
            i32::try_from(*value).ok().map(|value| value.to_be_bytes().to_vec())
        }
        (CqlType::BigInt, Value::Integer(value)) => Some(value.to_be_bytes().to_vec()),
        (CqlType::VarInt, Value::Integer(value)) => Some(varint((*value).into())),
        (CqlType::VarInt, Value::Text(text)) => text.parse().ok().map(varint),
        (CqlType::Boolean, Value::Integer(value)) => Some(vec![u8::from(*value != 0)]),
        (CqlType::Double, Value::Real(value)) => Some(value.to_be_bytes().to_vec()),
        (CqlType::Decimal, Value::Text(text)) => parse_decimal(text).map(|(unscaled, scale)| {
            let mut bytes = scale.to_be_bytes().to_vec();
            bytes.extend(varint(unscaled));
            bytes
        }),
        (CqlType::Timestamp, Value::Text(text)) => {
            text.parse::<Timestamp>().ok().map(|time| time.as_millisecond().to_be_bytes().to_vec())
        }
        (CqlType::Date, Value::Text(text)) => text.parse::<Date>().ok().and_then(|date| {
            let days = i64::from(EPOCH.until(date).ok()?.get_days()) + (1 << 31);
            Some(u32::try_from(days).ok()?.to_be_bytes().to_vec())
        }),
        // Lower-case hexadecimal digits sort like the bytes that they encode.
        (_, Value::Text(text)) => Some(text.as_bytes().to_vec()),
        (_, Value::Blob(bytes)) => Some(bytes.clone()),
        _ => None,
    };
    parsed.unwrap_or_default()
}

fn uuid_text(bytes: [u8; 16]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Always with milliseconds, so that the texts sort like the times.
fn timestamp_text(milliseconds: i64) -> Result<String, SqliteValueError> {
    let time = Timestamp::from_millisecond(milliseconds).map_err(|_| SqliteValueError::Time)?;
    Ok(format!("{time:.3}"))
}

fn date_text(days: i32) -> Result<String, SqliteValueError> {
    let span = jiff::Span::new().try_days(days).map_err(|_| SqliteValueError::Time)?;
    Ok(EPOCH.checked_add(span).map_err(|_| SqliteValueError::Time)?.to_string())
}

/// All digits including trailing zeros: `1.50`. Has an exponent when the scale is negative: `15E2`.
fn decimal_text(unscaled: i128, scale: i32) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    match usize::try_from(scale) {
        Err(_) => format!("{sign}{digits}E{}", scale.unsigned_abs()),
        Ok(0) => format!("{sign}{digits}"),
        // Beyond 64 decimals, an exponent is more readable than zeros.
        Ok(decimals) if decimals <= 64 => {
            let padded = format!("{digits:0>width$}", width = decimals + 1);
            let (integer, fraction) = padded.split_at(padded.len() - decimals);
            format!("{sign}{integer}.{fraction}")
        }
        Ok(decimals) => format!("{sign}{digits}E-{decimals}"),
    }
}

fn parse_decimal(text: &str) -> Option<(i128, i32)> {
    let (mantissa, exponent) = match text.split_once('E') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let decimals = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let unscaled = mantissa.replace('.', "").parse().ok()?;
    Some((unscaled, i32::try_from(decimals).ok()?.checked_sub(exponent)?))
}

/// The shortest big-endian two's complement form.
fn varint(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0x00 };
    let redundant = bytes
        .windows(2)
        .take_while(|pair| matches!(pair, [first, second] if *first == sign && (first ^ second) & 0x80 == 0))
        .count();
    bytes.get(redundant..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::record::{AsRow, Row};

    use super::*;

    fn sqlite(cell: Cell, column: CqlType) -> Value {
        to_sqlite(Row::default().as_row(), cell, column).unwrap().unwrap()
    }

    #[test]
    fn values_are_stored_in_readable_form() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(
            sqlite(
                Cell::Uuid(*b"\x55\x0e\x84\x00\xe2\x9b\x41\xd4\xa7\x16\x44\x66\x55\x44\x00\x00"),
                CqlType::Uuid
            ),
            text("550e8400-e29b-41d4-a716-446655440000")
        );
        assert_eq!(
            sqlite(Cell::Timestamp(1_700_000_000_120), CqlType::Timestamp),
            text("2023-11-14T22:13:20.120Z")
        );
        assert_eq!(sqlite(Cell::Timestamp(0), CqlType::Timestamp), text("1970-01-01T00:00:00.000Z"));
        assert_eq!(sqlite(Cell::Date(-1), CqlType::Date), text("1969-12-31"));
        assert_eq!(sqlite(Cell::Boolean(true), CqlType::Boolean), Value::Integer(1));
        assert_eq!(sqlite(Cell::Int(-7), CqlType::VarInt), Value::Integer(-7));
        let decimal = |unscaled, scale| sqlite(Cell::Decimal { unscaled, scale }, CqlType::Decimal);
        assert_eq!(decimal(150, 2), text("1.50"));
        assert_eq!(decimal(-5, 3), text("-0.005"));
        assert_eq!(decimal(15, -2), text("15E2"));
        assert_eq!(decimal(7, 100), text("7E-100"));
    }

    #[test]
    fn unfit_values_are_refused() {
        let refusal = |cell, column| to_sqlite(Row::default().as_row(), cell, column).unwrap_err();
        assert_eq!(refusal(Cell::Timestamp(i64::MAX), CqlType::Timestamp), SqliteValueError::Time);
        assert_eq!(refusal(Cell::Date(i32::MIN), CqlType::Date), SqliteValueError::Time);
        assert_eq!(refusal(Cell::Double(f64::NAN), CqlType::Double), SqliteValueError::NotANumber);
        assert_eq!(refusal(Cell::Boolean(true), CqlType::Uuid), SqliteValueError::Type);
    }

    #[test]
    fn varints_have_the_form_of_java() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (127, &[0x7f]),
            (128, &[0x00, 0x80]),
            (-1, &[0xff]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
            (256, &[0x01, 0x00]),
        ] {
            assert_eq!(varint(value), bytes, "{value}");
        }
        assert_eq!(varint(i128::MIN).len(), 16);
    }

    #[test]
    fn negative_numbers_compare_larger_as_in_cassandra() {
        for column in [CqlType::Int, CqlType::BigInt, CqlType::VarInt] {
            assert!(
                serialized(&Value::Integer(-1), column) > serialized(&Value::Integer(1), column),
                "{column:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn decimal_reads_back_from_its_text(unscaled in any::<i64>(), scale in -80_i32..80) {
            prop_assert_eq!(parse_decimal(&decimal_text(unscaled.into(), scale)), Some((unscaled.into(), scale)));
        }

        #[test]
        fn timestamps_compare_as_in_cassandra(milliseconds in -60_000_000_000_000_i64..200_000_000_000_000) {
            let value = sqlite(Cell::Timestamp(milliseconds), CqlType::Timestamp);
            prop_assert_eq!(serialized(&value, CqlType::Timestamp), milliseconds.to_be_bytes().to_vec());
        }

        #[test]
        fn dates_compare_as_in_cassandra(days in -700_000_i32..2_900_000) {
            let value = sqlite(Cell::Date(days), CqlType::Date);
            let expected = u32::try_from(i64::from(days) + (1 << 31)).unwrap();
            prop_assert_eq!(serialized(&value, CqlType::Date), expected.to_be_bytes().to_vec());
        }
    }
}
