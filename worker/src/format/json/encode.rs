//! From cells to JSON objects.

use userstream_crds::model::Field;

use crate::record::text::{base64, date, decimal, timestamp, uuid};
use crate::record::{Cell, Cells};

/// Encodes records as JSON objects: one member for each field that has a value, in the order of the schema.
///
/// | type | JSON |
/// |---|---|
/// | `boolean` | boolean |
/// | `int`, `long` | number |
/// | `double` | number, the shortest that parses to the same double |
/// | `decimal` | string: most readers would convert a JSON number to a double |
/// | `string` | string |
/// | `uuid` | string, hyphenated, lower case |
/// | `timestamp` | string, RFC 3339 in UTC with milliseconds |
/// | `date` | string, `YYYY-MM-DD` |
/// | `bytes` | string, base64 in the standard alphabet with padding |
///
/// A value that JSON cannot represent (an infinite double, a year beyond 9999) becomes null. No mapper produces one.
#[derive(Debug)]
pub struct JsonEncoder {
    /// `"name":` for each field.
    names: Box<[Box<[u8]>]>,
}

impl JsonEncoder {
    /// The encoder of records with these fields.
    pub fn new(fields: &[Field]) -> Self {
        let names = fields.iter().map(|field| {
            let mut name = Vec::new();
            push_string(&mut name, field.name.as_str());
            name.push(b':');
            name.into()
        });
        Self { names: names.collect() }
    }

    /// Appends the object.
    pub fn encode(&self, cells: &Cells, input: &[u8], out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        for (field, name) in self.names.iter().enumerate() {
            let cell = cells.get(field);
            if matches!(cell, Cell::Absent) {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(name);
            push_value(out, cell, cells, input);
        }
        out.push(b'}');
    }
}

fn push_value(out: &mut Vec<u8>, cell: Cell, cells: &Cells, input: &[u8]) {
    match cell {
        Cell::Absent => out.extend_from_slice(b"null"),
        Cell::Boolean(true) => out.extend_from_slice(b"true"),
        Cell::Boolean(false) => out.extend_from_slice(b"false"),
        Cell::Int(integer) => push_integer(out, integer),
        Cell::Long(integer) => push_integer(out, integer),
        Cell::Double(double) => {
            // Writing to a vector cannot fail. A double that is not finite becomes null.
            let _ = serde_json::to_writer(out, &double);
        }
        Cell::Text(span) => push_string(out, cells.text(input, span)),
        Cell::Decimal { unscaled, scale } => push_quoted(out, |out| {
            decimal::write(out, unscaled, scale);
            Some(())
        }),
        Cell::Uuid(bytes) => push_quoted(out, |out| {
            uuid::write(out, bytes);
            Some(())
        }),
        Cell::Timestamp(milliseconds) => push_quoted(out, |out| timestamp::write(out, milliseconds)),
        Cell::Date(days) => push_quoted(out, |out| date::write(out, days)),
        Cell::Bytes(span) => push_quoted(out, |out| {
            base64::write(out, cells.bytes(input, span));
            Some(())
        }),
    }
}

fn push_integer(out: &mut Vec<u8>, integer: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

/// Appends a string without characters to escape, or null when there is no value.
fn push_quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) {
    out.push(b'"');
    if write(out).is_some() {
        out.push(b'"');
    } else {
        out.pop();
        out.extend_from_slice(b"null");
    }
}

/// Appends a string, with only the escapes that JSON requires.
fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((plain, special, after)) = split_special(rest) {
        out.extend_from_slice(plain);
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(special >> 4), digit(special & 15)]);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Splits at the first byte that requires an escape.
fn split_special(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    const BLOCK: usize = 16;
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Checks a block as a whole, without a branch for each byte: most blocks need no escape.
    let plain_blocks = bytes
        .chunks_exact(BLOCK)
        .take_while(|block| !block.iter().fold(false, |found, byte| found | is_special(byte)))
        .count();
    let rest = bytes.get(plain_blocks * BLOCK..)?;
    let position = plain_blocks * BLOCK + rest.iter().position(is_special)?;
    let (plain, rest) = bytes.split_at_checked(position)?;
    let (special, after) = rest.split_first()?;
    Some((plain, *special, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_required_escapes_are_written() {
        assert_eq!(quoted("Nordenskiöldinkatu / 😀 \u{7f}"), "\"Nordenskiöldinkatu / 😀 \u{7f}\"");
        assert_eq!(quoted("\"\\\n\r\t\u{8}\u{c}\0\u{1f}"), r#""\"\\\n\r\t\b\f\u0000\u001f""#);
        assert_eq!(quoted(""), "\"\"");
    }

    proptest! {
        #[test]
        fn strings_are_as_serde_json_writes_them(text in "([ -~]{0,20}|\\PC{0,5}|[\\x00-\\x1f\"\\\\]){0,8}") {
            prop_assert_eq!(quoted(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
