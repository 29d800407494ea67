//! Keys of records.

use crate::record::text::{date, decimal, timestamp, uuid};
use crate::record::{Cell, Cells};

/// Appends the key of a record, from one of its fields: the value as [`JsonEncoder`](super::json::JsonEncoder) writes
/// it, without quotes and escapes, and `bytes` unchanged. False, with nothing appended, when the field has no value.
pub fn encode_key(cells: &Cells, input: &[u8], field: usize, out: &mut Vec<u8>) -> bool {
    match cells.get(field) {
        Cell::Absent => return false,
        Cell::Boolean(boolean) => out.extend_from_slice(if boolean { b"true" } else { b"false" }),
        Cell::Int(integer) => out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes()),
        Cell::Long(integer) => out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes()),
        Cell::Double(double) => return double.is_finite() && serde_json::to_writer(out, &double).is_ok(),
        Cell::Decimal { unscaled, scale } => decimal::write(out, unscaled, scale),
        Cell::Uuid(bytes) => uuid::write(out, bytes),
        Cell::Timestamp(milliseconds) => return timestamp::write(out, milliseconds).is_some(),
        Cell::Date(days) => return date::write(out, days).is_some(),
        Cell::Text(span) | Cell::Bytes(span) => out.extend_from_slice(cells.bytes(input, span)),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::testing::{Value, cells};

    fn key(value: Value) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        encode_key(&cells(&[value]), b"", 0, &mut out).then_some(out)
    }

    #[test]
    fn key_is_the_text_of_its_field() {
        for (value, expected) in [
            (Value::Cell(Cell::Uuid([0xab; 16])), &b"abababab-abab-abab-abab-abababababab"[..]),
            (Value::Text("n\u{e4}me \"x\"".to_owned()), "näme \"x\"".as_bytes()),
            (Value::Bytes(vec![0, 255]), &[0, 255]),
            (Value::Cell(Cell::Int(-7)), b"-7"),
            (Value::Cell(Cell::Long(i64::MIN)), b"-9223372036854775808"),
            (Value::Cell(Cell::Double(1.5)), b"1.5"),
            (Value::Cell(Cell::Decimal { unscaled: 150, scale: 2 }), b"1.50"),
            (Value::Cell(Cell::Boolean(true)), b"true"),
            (Value::Cell(Cell::Timestamp(0)), b"1970-01-01T00:00:00.000Z"),
            (Value::Cell(Cell::Date(0)), b"1970-01-01"),
        ] {
            assert_eq!(key(value.clone()).as_deref(), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn value_without_text_is_no_key() {
        for value in [Cell::Absent, Cell::Double(f64::NAN), Cell::Timestamp(i64::MAX), Cell::Date(i32::MAX)] {
            assert_eq!(key(Value::Cell(value)), None, "{value:?}");
        }
    }
}
