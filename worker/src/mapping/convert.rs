//! The conversions of values to types.
//!
//! | type | from JSON |
//! |---|---|
//! | `uuid` | string: hyphenated, 32 digits, in braces, or after `urn:uuid:`, in either case |
//! | `string` | string; number, as it is written in the record; boolean, as `true` or `false` |
//! | `int`, `long` | number without fraction and exponent, within 32 or 64 bits (`3.0` and `3e0` are refused) |
//! | `double` | number, rounded to the nearest double; refused when that is infinite |
//! | `decimal` | number, or string with a number as JSON writes it: exact, at most 38 digits, the scale is kept |
//! | `boolean` | boolean |
//! | `timestamp` | string: RFC 3339 with any offset and up to nine digits of fraction, cut to milliseconds; number without fraction and exponent: milliseconds since the Unix epoch. Years 0000 to 9999 of UTC |
//! | `date` | string: `YYYY-MM-DD`, or RFC 3339, of which it is the day as written, in the text's own offset |
//! | `bytes` | string: base64 in the standard or the URL-safe alphabet, with or without padding |
//!
//! null is the absent value of every type. Nothing else is converted: no string to `int`, `double` or `boolean`, no
//! number to `boolean`, no object or array to anything.
//!
//! Results of expressions are converted by the same table, an `int`, `uint` or decimal as a number and a `string` as a
//! string. What JSON does not have: a `double` becomes `double`, or `string` in its shortest form, and never an integer or
//! a decimal, for it may have lost digits; it must be finite. `bytes` become `bytes`, and a `timestamp` becomes
//! `timestamp`. The validation assumes the same: `userstream_crds::model::field_kinds`.
//!
//! The variables are converted by the same table too: `$offset` and `$partition` as numbers, `$fetchedAt` as the number
//! of milliseconds since the Unix epoch, `$key` as a string, or as it is for `bytes`.

use userstream_crds::model::FieldType;

use super::refusal::Refusal;
use super::scalar::Scalar;
use super::target::Target;
use crate::record::text::timestamp::TimestampError;
use crate::record::text::{base64, date, decimal, timestamp, uuid};
use crate::record::{Cell, Cells, Span};

/// Where the bytes of text and bytes cells go.
pub(super) struct Destination<'a> {
    /// The record. Cells refer to parts of it without a copy.
    pub(super) input: &'a [u8],
    /// The cells that refer to the bytes.
    pub(super) cells: &'a mut Cells,
    /// Reused memory.
    pub(super) decoded: &'a mut Vec<u8>,
}

impl Destination<'_> {
    fn keep(&mut self, bytes: &[u8]) -> Result<Span, Refusal> {
        self.cells.borrow(self.input, bytes).or_else(|| self.cells.make(bytes)).ok_or(Refusal::TooLarge)
    }
}

/// Sets the cell of a field to the converted value, by the table of this module.
// The scalar is passed by reference and the cell is set here: both have about 30 bytes, and copies would be measurable.
pub(super) fn convert(
    target: &Target,
    scalar: &Scalar<'_>,
    destination: &mut Destination<'_>,
) -> Result<(), Refusal> {
    let cell = cell(target.field_type, scalar, destination)?;
    destination.cells.set(target.index, cell);
    Ok(())
}

#[inline(always)]
fn cell(
    field_type: FieldType,
    scalar: &Scalar<'_>,
    destination: &mut Destination<'_>,
) -> Result<Cell, Refusal> {
    let Some(kind) = scalar.kind() else {
        return Ok(Cell::Absent);
    };
    Ok(match (field_type, *scalar) {
        (FieldType::Uuid, Scalar::Text(text)) => Cell::Uuid(uuid::read(text).ok_or(Refusal::NotAUuid)?),
        (FieldType::String, Scalar::Text(text) | Scalar::Number(text)) => {
            Cell::Text(destination.keep(text.as_bytes())?)
        }
        (FieldType::String, Scalar::Boolean(boolean)) => {
            Cell::Text(destination.keep(if boolean { b"true" } else { b"false" })?)
        }
        (FieldType::String, Scalar::Double(double)) => Cell::Text(shortest(finite(double)?, destination)?),
        (FieldType::Int, Scalar::Number(text)) => Cell::Int(integer(text)?),
        (FieldType::Long, Scalar::Number(text)) => Cell::Long(integer(text)?),
        (FieldType::Double, Scalar::Number(text)) => Cell::Double(double(text)?),
        (FieldType::Double, Scalar::Double(double)) => Cell::Double(finite(double)?),
        (FieldType::Decimal, Scalar::Number(text) | Scalar::Text(text)) => {
            let (unscaled, scale) = decimal::read(text)?;
            Cell::Decimal { unscaled, scale }
        }
        (FieldType::Boolean, Scalar::Boolean(boolean)) => Cell::Boolean(boolean),
        (FieldType::Timestamp, Scalar::Text(text)) => Cell::Timestamp(timestamp::read(text)?),
        (FieldType::Timestamp, Scalar::Number(text)) => Cell::Timestamp(in_range(integer(text)?)?),
        (FieldType::Timestamp, Scalar::Timestamp(milliseconds)) => Cell::Timestamp(in_range(milliseconds)?),
        (FieldType::Date, Scalar::Text(text)) => Cell::Date(day(text)?),
        (FieldType::Bytes, Scalar::Text(text)) => Cell::Bytes(decoded(text, destination)?),
        (FieldType::Bytes, Scalar::Bytes(bytes)) => Cell::Bytes(destination.keep(bytes)?),
        _ => return Err(Refusal::Kind(kind)),
    })
}

fn integer<T: std::str::FromStr>(number: &str) -> Result<T, Refusal> {
    number.parse().map_err(|_| {
        let integral = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if integral { Refusal::OutOfRange } else { Refusal::NotAnInteger }
    })
}

fn double(number: &str) -> Result<f64, Refusal> {
    number.parse().ok().filter(|double: &f64| double.is_finite()).ok_or(Refusal::OutOfRange)
}

fn finite(double: f64) -> Result<f64, Refusal> {
    if double.is_finite() { Ok(double) } else { Err(Refusal::NotFinite) }
}

fn shortest(double: f64, destination: &mut Destination<'_>) -> Result<Span, Refusal> {
    destination.decoded.clear();
    serde_json::to_writer(&mut *destination.decoded, &double).map_err(|_| Refusal::NotFinite)?;
    destination.cells.make(destination.decoded).ok_or(Refusal::TooLarge)
}

fn in_range(milliseconds: i64) -> Result<i64, Refusal> {
    if timestamp::RANGE.contains(&milliseconds) {
        Ok(milliseconds)
    } else {
        Err(TimestampError::OutOfRange.into())
    }
}

fn day(text: &str) -> Result<i32, Refusal> {
    match date::read(text) {
        Some(days) => Ok(days),
        None => timestamp::read_local_day(text).map_err(|error| match error {
            TimestampError::Syntax => Refusal::NotADate,
            TimestampError::LeapSecond | TimestampError::OutOfRange => error.into(),
        }),
    }
}

fn decoded(text: &str, destination: &mut Destination<'_>) -> Result<Span, Refusal> {
    destination.decoded.clear();
    if !base64::read(text, destination.decoded) {
        return Err(Refusal::NotBase64);
    }
    destination.cells.make(destination.decoded).ok_or(Refusal::TooLarge)
}

#[cfg(test)]
mod tests {
    use userstream_crds::model::FieldType::{
        Boolean, Bytes, Date, Decimal, Double, Int, Long, String, Timestamp, Uuid,
    };

    use super::*;
    use crate::format::JsonEncoder;
    use crate::mapping::refusal::Kind;
    use crate::mapping::testing::field;
    use crate::record::text::decimal::DecimalError;

    /// A JSON value converted to a type and encoded again. Empty for the absent value.
    fn converted(field_type: FieldType, json: &str) -> Result<std::string::String, Refusal> {
        let mut unescaped = std::string::String::new();
        let scalar = Scalar::of_json(json, Some(&mut unescaped))?;
        converted_scalar(field_type, scalar, json.as_bytes())
    }

    fn converted_scalar(
        field_type: FieldType,
        scalar: Scalar<'_>,
        input: &[u8],
    ) -> Result<std::string::String, Refusal> {
        let mut cells = Cells::default();
        cells.reset(1, input.len());
        let mut destination = Destination { input, cells: &mut cells, decoded: &mut Vec::new() };
        let field = field("f", field_type, "f");
        convert(&Target::new(0, &field), &scalar, &mut destination)?;
        let mut out = Vec::new();
        JsonEncoder::new(&[field]).encode(&cells, input, &mut out);
        let text = std::string::String::from_utf8(out).unwrap();
        Ok(text.trim_start_matches("{\"f\":").trim_start_matches('{').trim_end_matches('}').to_owned())
    }

    const UUID: &str = r#""9313706e-d4de-4d85-bcc9-b7da0ca02fba""#;

    #[test]
    fn documented_conversions_are_made() {
        for (field_type, json, expected) in [
            (Uuid, UUID, UUID),
            (Uuid, r#""9313706E-D4DE-4D85-BCC9-B7DA0CA02FBA""#, UUID),
            (Uuid, r#""9313706ed4de4d85bcc9b7da0ca02fba""#, UUID),
            (Uuid, r#""{9313706e-d4de-4d85-bcc9-b7da0ca02fba}""#, UUID),
            (Uuid, r#""urn:uuid:9313706e-d4de-4d85-bcc9-b7da0ca02fba""#, UUID),
            (Uuid, r#""\u0039313706e-d4de-4d85-bcc9-b7da0ca02fba""#, UUID),
            (String, r#""""#, r#""""#),
            (String, r#""Nordenskiöldinkatu""#, r#""Nordenskiöldinkatu""#),
            (String, r#""Nordenski\u00f6ldinkatu""#, r#""Nordenskiöldinkatu""#),
            (String, r#""\uD83D\uDE00 \"\/\\ \u0000""#, r#""😀 \"/\\ \u0000""#),
            (String, "91035", r#""91035""#),
            (String, "-0", r#""-0""#),
            (String, "1.50", r#""1.50""#),
            (String, "1E+3", r#""1E+3""#),
            (String, "123456789012345678901234567890", r#""123456789012345678901234567890""#),
            (String, "true", r#""true""#),
            (String, "false", r#""false""#),
            (Int, "0", "0"),
            (Int, "-0", "0"),
            (Int, "2147483647", "2147483647"),
            (Int, "-2147483648", "-2147483648"),
            (Long, "9223372036854775807", "9223372036854775807"),
            (Long, "-9223372036854775808", "-9223372036854775808"),
            (Double, "1", "1.0"),
            (Double, "0.1", "0.1"),
            (Double, "-0.0", "-0.0"),
            (Double, "1e308", "1e+308"),
            (Double, "5e-324", "5e-324"),
            (Double, "9007199254740993", "9007199254740992.0"),
            (Double, "1e-400", "0.0"),
            (Decimal, "1.50", r#""1.50""#),
            (Decimal, r#""1.50""#, r#""1.50""#),
            (Decimal, "0.1", r#""0.1""#),
            (
                Decimal,
                "-12345678901234567890.123456789012345678",
                r#""-12345678901234567890.123456789012345678""#,
            ),
            (Decimal, "1e3", r#""1E+3""#),
            (Decimal, r#""1E-8""#, r#""1E-8""#),
            (
                Decimal,
                "99999999999999999999999999999999999999",
                r#""99999999999999999999999999999999999999""#,
            ),
            (Boolean, "true", "true"),
            (Boolean, "false", "false"),
            (Timestamp, r#""2018-10-21T00:27:38.583Z""#, r#""2018-10-21T00:27:38.583Z""#),
            (Timestamp, r#""2018-10-21T02:27:38+02:00""#, r#""2018-10-21T00:27:38.000Z""#),
            (Timestamp, r#""2018-10-21 00:27:38.583999999Z""#, r#""2018-10-21T00:27:38.583Z""#),
            (Timestamp, r#""1969-12-31T23:59:59.9999Z""#, r#""1969-12-31T23:59:59.999Z""#),
            (Timestamp, "0", r#""1970-01-01T00:00:00.000Z""#),
            (Timestamp, "1540081658583", r#""2018-10-21T00:27:38.583Z""#),
            (Timestamp, "-1", r#""1969-12-31T23:59:59.999Z""#),
            (Timestamp, "253402300799999", r#""9999-12-31T23:59:59.999Z""#),
            (Date, r#""1972-04-16""#, r#""1972-04-16""#),
            (Date, r#""1972-04-16T23:59:59.290Z""#, r#""1972-04-16""#),
            (Date, r#""1972-04-16T23:59:59-11:00""#, r#""1972-04-16""#),
            (Bytes, r#""""#, r#""""#),
            (Bytes, r#""Zm9v""#, r#""Zm9v""#),
            (Bytes, r#""Zg""#, r#""Zg==""#),
            (Bytes, r#""Zg==""#, r#""Zg==""#),
            (Bytes, r#""-_-_""#, r#""+/+/""#),
            (Bytes, r#""+\/+\/""#, r#""+/+/""#),
        ] {
            assert_eq!(
                converted(field_type, json).as_deref(),
                Ok(expected),
                "{json} to {}",
                field_type.name()
            );
        }
        for field_type in FieldType::ALL {
            assert_eq!(converted(field_type, "null").as_deref(), Ok(""), "null to {}", field_type.name());
        }
    }

    #[test]
    fn no_other_conversion_is_made() {
        let kind = Refusal::Kind;
        for (field_type, json, reason) in [
            (Uuid, r#""9313706e""#, Refusal::NotAUuid),
            (Uuid, r#""""#, Refusal::NotAUuid),
            (Uuid, "9313706", kind(Kind::Number)),
            (Uuid, "true", kind(Kind::Boolean)),
            (String, "{}", kind(Kind::Object)),
            (String, "[]", kind(Kind::Array)),
            (String, r#""\ud83d""#, Refusal::LoneSurrogate),
            (Int, r#""1""#, kind(Kind::Text)),
            (Int, "true", kind(Kind::Boolean)),
            (Int, "3.0", Refusal::NotAnInteger),
            (Int, "3e0", Refusal::NotAnInteger),
            (Int, "2147483648", Refusal::OutOfRange),
            (Int, "-2147483649", Refusal::OutOfRange),
            (Int, "123456789012345678901234567890", Refusal::OutOfRange),
            (Long, r#""1""#, kind(Kind::Text)),
            (Long, "1e3", Refusal::NotAnInteger),
            (Long, "9223372036854775808", Refusal::OutOfRange),
            (Long, "-9223372036854775809", Refusal::OutOfRange),
            (Double, r#""1.5""#, kind(Kind::Text)),
            (Double, r#""NaN""#, kind(Kind::Text)),
            (Double, "1e309", Refusal::OutOfRange),
            (Double, "-1e309", Refusal::OutOfRange),
            (Double, "false", kind(Kind::Boolean)),
            (Decimal, r#""""#, Refusal::Decimal(DecimalError::Syntax)),
            (Decimal, r#"" 1""#, Refusal::Decimal(DecimalError::Syntax)),
            (Decimal, r#""+1""#, Refusal::Decimal(DecimalError::Syntax)),
            (Decimal, r#""1,5""#, Refusal::Decimal(DecimalError::Syntax)),
            (
                Decimal,
                "100000000000000000000000000000000000000",
                Refusal::Decimal(DecimalError::TooManyDigits),
            ),
            (Decimal, "1e9999", Refusal::Decimal(DecimalError::ExponentOutOfRange)),
            (Decimal, "true", kind(Kind::Boolean)),
            (Boolean, "0", kind(Kind::Number)),
            (Boolean, "1", kind(Kind::Number)),
            (Boolean, r#""true""#, kind(Kind::Text)),
            (Timestamp, r#""2018-10-21""#, Refusal::Timestamp(TimestampError::Syntax)),
            (Timestamp, r#""2018-10-21T00:27:38""#, Refusal::Timestamp(TimestampError::Syntax)),
            (Timestamp, r#""1540081658583""#, Refusal::Timestamp(TimestampError::Syntax)),
            (Timestamp, r#""2016-12-31T23:59:60Z""#, Refusal::Timestamp(TimestampError::LeapSecond)),
            (Timestamp, "1540081658.583", Refusal::NotAnInteger),
            (Timestamp, "253402300800000", Refusal::Timestamp(TimestampError::OutOfRange)),
            (Timestamp, "99999999999999999999", Refusal::OutOfRange),
            (Timestamp, "true", kind(Kind::Boolean)),
            (Date, r#""16.04.1972""#, Refusal::NotADate),
            (Date, r#""1972-02-30""#, Refusal::NotADate),
            (Date, "19720416", kind(Kind::Number)),
            (Date, "0", kind(Kind::Number)),
            (Bytes, r#""Z""#, Refusal::NotBase64),
            (Bytes, r#""+_+_""#, Refusal::NotBase64),
            (Bytes, "1", kind(Kind::Number)),
            (Bytes, "[1]", kind(Kind::Array)),
        ] {
            assert_eq!(converted(field_type, json), Err(reason), "{json} to {}", field_type.name());
        }
        for field_type in FieldType::ALL {
            for (json, reason) in [("{}", kind(Kind::Object)), ("[1]", kind(Kind::Array))] {
                assert_eq!(converted(field_type, json), Err(reason), "{json} to {}", field_type.name());
            }
        }
    }

    #[test]
    fn cel_values_are_converted_as_documented() {
        for (field_type, scalar, expected) in [
            (Double, Scalar::Double(1.5), Ok("1.5")),
            (Double, Scalar::Double(f64::NAN), Err(Refusal::NotFinite)),
            (String, Scalar::Double(1.5), Ok(r#""1.5""#)),
            (String, Scalar::Double(1e300), Ok(r#""1e+300""#)),
            (String, Scalar::Double(f64::INFINITY), Err(Refusal::NotFinite)),
            (Int, Scalar::Double(1.0), Err(Refusal::Kind(Kind::Double))),
            (Long, Scalar::Double(1.0), Err(Refusal::Kind(Kind::Double))),
            (Decimal, Scalar::Double(1.0), Err(Refusal::Kind(Kind::Double))),
            (Timestamp, Scalar::Double(1.0), Err(Refusal::Kind(Kind::Double))),
            (Bytes, Scalar::Bytes(b"foo"), Ok(r#""Zm9v""#)),
            (String, Scalar::Bytes(b"foo"), Err(Refusal::Kind(Kind::Bytes))),
            (Uuid, Scalar::Bytes(&[0; 16]), Err(Refusal::Kind(Kind::Bytes))),
            (Timestamp, Scalar::Timestamp(0), Ok(r#""1970-01-01T00:00:00.000Z""#)),
            (Timestamp, Scalar::Timestamp(i64::MAX), Err(Refusal::Timestamp(TimestampError::OutOfRange))),
            (Date, Scalar::Timestamp(0), Err(Refusal::Kind(Kind::Timestamp))),
            (Long, Scalar::Timestamp(0), Err(Refusal::Kind(Kind::Timestamp))),
            (String, Scalar::Timestamp(0), Err(Refusal::Kind(Kind::Timestamp))),
            (String, Scalar::Unconvertible(Kind::Other), Err(Refusal::Kind(Kind::Other))),
        ] {
            let outcome = converted_scalar(field_type, scalar, b"");
            assert_eq!(outcome.as_deref(), expected.as_ref().copied(), "{scalar:?} to {}", field_type.name());
        }
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let json = r#""plain""#;
        let mut cells = Cells::default();
        cells.reset(1, json.len());
        let mut destination =
            Destination { input: json.as_bytes(), cells: &mut cells, decoded: &mut Vec::new() };
        let target = Target::new(0, &field("f", String, "f"));
        convert(&target, &Scalar::Text(&json[1..6]), &mut destination).unwrap();
        let borrowed = cells.borrow(json.as_bytes(), &json.as_bytes()[1..6]).unwrap();
        assert_eq!(cells.get(0), Cell::Text(borrowed));
    }
}
