//! Conversions between kinds.

use std::fmt::Write;

use super::{Call, Function, Gives, Outcome};
use crate::arithmetic::number_value;
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::number::{Decimal, Number, Outcome as Computed};
use crate::time::write_duration;
use crate::value::{TypeName, Value};

use Kinds as K;

const STRINGABLE: Kinds = K::STRING
    .and(K::BOOL)
    .and(K::NUMBER)
    .and(K::BYTES)
    .and(K::TIMESTAMP)
    .and(K::DURATION)
    .and(K::URL)
    .and(K::IP)
    .and(K::CIDR)
    .and(K::SEMVER)
    .and(K::QUANTITY);
const EXACT: Kinds = K::STRING.and(K::INT).and(K::UINT).and(K::DECIMAL);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("string", &[STRINGABLE], Gives::Kinds(K::STRING), string),
    Function::new("int", &[K::NUMBER.and(K::STRING).and(K::TIMESTAMP)], Gives::Kinds(K::INT), int),
    Function::new("uint", &[K::NUMBER.and(K::STRING)], Gives::Kinds(K::UINT), uint),
    Function::new("double", &[K::NUMBER.and(K::STRING)], Gives::Kinds(K::DOUBLE), double),
    Function::new("decimal", &[EXACT], Gives::Kinds(K::DECIMAL), decimal).passes_on(),
    Function::new("bool", &[K::BOOL.and(K::STRING)], Gives::Kinds(K::BOOL), bool),
    Function::new("bytes", &[K::BYTES.and(K::STRING)], Gives::Kinds(K::BYTES), bytes),
    Function::new("type", &[K::ANY], Gives::Kinds(K::TYPE), type_of).takes_nothing(),
    Function::new("dyn", &[K::ANY], Gives::Kinds(K::ANY), dynamic).takes_nothing().passes_on(),
];

/// A decimal is the text of the record.
fn string<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return Err(call.mismatch(arguments)) };
    let text = match value {
        Value::String(text)
        | Value::Decimal(text)
        | Value::Url(text)
        | Value::Semver(text)
        | Value::Quantity(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Bytes(bytes) => {
            call.budget.spend_bytes(bytes.len())?;
            std::str::from_utf8(bytes).map_err(|_| call.refused("the bytes are not UTF-8"))?
        }
        _ => call.budget.build_text(|out| out.write(|out| write(value, out)))?,
    };
    Ok(Value::String(text))
}

fn write(value: &Value<'_>, out: &mut String) {
    let _ = match value {
        Value::Int(number) => write!(out, "{number}"),
        Value::Uint(number) => write!(out, "{number}"),
        Value::Double(number) => write_double(*number, out),
        Value::Timestamp(time) => write!(out, "{time}"),
        Value::Duration(nanoseconds) => {
            write_duration(*nanoseconds, out);
            Ok(())
        }
        Value::Ip(address) => write!(out, "{address}"),
        Value::Cidr(range) => write!(out, "{range}"),
        _ => Ok(()),
    };
}

/// The shortest text that reads as the same double, with an exponent where it is far from 1.
fn write_double(number: f64, out: &mut String) -> std::fmt::Result {
    let magnitude = number.abs();
    if !number.is_finite() {
        let text = if number.is_nan() { "NaN" } else { "Infinity" };
        return write!(out, "{}{text}", if number == f64::NEG_INFINITY { "-" } else { "" });
    }
    if magnitude == 0.0 || (1e-4..1e21).contains(&magnitude) {
        return write!(out, "{number}");
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
}

/// The integer that a number is without its fraction.
fn truncated<'a>(call: &Call<'_, 'a>, value: &Value<'a>) -> Result<Option<i128>, EvaluationErrorKind> {
    Ok(match value.number() {
        Some(Number::Int(number)) => Some(number.into()),
        Some(Number::Uint(number)) => Some(number.into()),
        Some(Number::Double(number)) if number.is_finite() && number.abs() < 1e30 => Some(number as i128),
        Some(Number::Double(_)) => return Err(call.refused("the number is out of range")),
        Some(Number::Decimal(text)) => Some(Decimal::parse(text)?.whole(|quotient, _, _| quotient)?.unscaled),
        None => None,
    })
}

fn int<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let number = match arguments {
        [Value::Int(number)] => return Ok(Value::Int(*number)),
        [Value::Timestamp(time)] => return Ok(Value::Int(time.seconds())),
        [Value::String(text)] => {
            return text.parse().map(Value::Int).map_err(|_| call.refused("the text is not an int"));
        }
        // No double is the greatest integer.
        [Value::Double(number)] if number.abs() >= 9_223_372_036_854_775_807.0 => None,
        [value] => truncated(call, value)?,
        _ => None,
    };
    let number = number.and_then(|number| i64::try_from(number).ok());
    number.map(Value::Int).ok_or_else(|| call.refused("the number is out of range"))
}

fn uint<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let number = match arguments {
        [Value::String(text)] => {
            return text.parse().map(Value::Uint).map_err(|_| call.refused("the text is not a uint"));
        }
        [Value::Double(number)] if *number < 0.0 || *number >= 18_446_744_073_709_551_615.0 => None,
        [value] => truncated(call, value)?,
        _ => None,
    };
    let number = number.and_then(|number| u64::try_from(number).ok());
    number.map(Value::Uint).ok_or_else(|| call.refused("the number is out of range"))
}

fn double<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(text)] => {
            text.parse().map(Value::Double).map_err(|_| call.refused("the text is not a number"))
        }
        [Value::Double(number)] => Ok(Value::Double(*number)),
        [value] => match value.number().map(Number::to_double) {
            Some(number) if number.is_finite() => Ok(Value::Double(number)),
            Some(_) => Err(call.refused("the number is out of range")),
            None => Err(call.mismatch(arguments)),
        },
        _ => Err(call.mismatch(arguments)),
    }
}

fn decimal<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [decimal @ Value::Decimal(_)] => Ok(*decimal),
        [Value::String(text)] if is_json_number(text) => Ok(Value::Decimal(text)),
        [Value::String(_)] => Err(call.refused("the text is not a number as JSON writes it")),
        [Value::Int(number)] => {
            number_value(Computed::Decimal(Decimal::integer((*number).into())), call.budget)
        }
        [Value::Uint(number)] => {
            number_value(Computed::Decimal(Decimal::integer((*number).into())), call.budget)
        }
        _ => Err(call.mismatch(arguments)),
    }
}

/// Whether a text is a number of JSON.
pub(super) fn is_json_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

fn bool<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [value @ Value::Bool(_)] => Ok(*value),
        [Value::String("1" | "t" | "T" | "true" | "TRUE" | "True")] => Ok(Value::Bool(true)),
        [Value::String("0" | "f" | "F" | "false" | "FALSE" | "False")] => Ok(Value::Bool(false)),
        [Value::String(_)] => Err(call.refused("the text is neither true nor false")),
        _ => Err(call.mismatch(arguments)),
    }
}

fn bytes<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [bytes @ Value::Bytes(_)] => Ok(*bytes),
        [Value::String(text)] => Ok(Value::Bytes(text.as_bytes())),
        _ => Err(call.mismatch(arguments)),
    }
}

fn type_of<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Type(TypeName::of_value(value)))
}

fn dynamic<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [value] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(*value)
}
