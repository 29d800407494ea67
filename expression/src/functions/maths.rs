//! The functions of the namespace `math`. They are exact with decimals.

use std::cmp::Ordering;

use super::{Call, Function, Gives, Outcome};
use crate::arithmetic::number_value;
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::number::{Decimal, Number, Outcome as Computed, negated};
use crate::value::Value;

use Kinds as K;

const NUMBER: Kinds = K::NUMBER;
const NUMBERS: Kinds = K::NUMBER.and(K::LIST);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("math.ceil", &[NUMBER], Gives::First, ceil),
    Function::new("math.floor", &[NUMBER], Gives::First, floor),
    Function::new("math.round", &[NUMBER], Gives::First, round),
    Function::new("math.trunc", &[NUMBER], Gives::First, trunc),
    Function::new("math.abs", &[NUMBER], Gives::First, abs),
    Function::new("math.sign", &[NUMBER], Gives::First, sign),
    Function::new("math.sqrt", &[NUMBER], Gives::Kinds(K::DOUBLE), sqrt),
    Function::new("math.isInf", &[NUMBER], Gives::Kinds(K::BOOL), is_infinite),
    Function::new("math.isNaN", &[NUMBER], Gives::Kinds(K::BOOL), is_nan),
    Function::new("math.isFinite", &[NUMBER], Gives::Kinds(K::BOOL), is_finite),
    Function::new("math.bitAnd", &[INTEGER, INTEGER], Gives::First, bit_and),
    Function::new("math.bitOr", &[INTEGER, INTEGER], Gives::First, bit_or),
    Function::new("math.bitXor", &[INTEGER, INTEGER], Gives::First, bit_xor),
    Function::new("math.bitNot", &[INTEGER], Gives::First, bit_not),
    Function::new("math.bitShiftLeft", &[INTEGER, K::INT], Gives::First, shift_left),
    Function::new("math.bitShiftRight", &[INTEGER, K::INT], Gives::First, shift_right),
    Function::new("math.greatest", &[NUMBERS, NUMBER], Gives::OneOf, greatest)
        .optional(1)
        .variadic()
        .passes_on()
        .elements(NUMBER),
    Function::new("math.least", &[NUMBERS, NUMBER], Gives::OneOf, least)
        .optional(1)
        .variadic()
        .passes_on()
        .elements(NUMBER),
];

const INTEGER: Kinds = K::INT.and(K::UINT);

/// A number as a whole one: integers are, and doubles and decimals have a function each.
fn whole<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    of_double: fn(f64) -> f64,
    of_decimal: fn(i128, i128, i128) -> i128,
) -> Outcome<'a> {
    match arguments {
        [integer @ (Value::Int(_) | Value::Uint(_))] => Ok(*integer),
        [Value::Double(number)] => Ok(Value::Double(of_double(*number))),
        [Value::Decimal(text)] => {
            number_value(Computed::Decimal(Decimal::parse(text)?.whole(of_decimal)?), call.budget)
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn ceil<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    whole(call, arguments, f64::ceil, |quotient, remainder, _| quotient + i128::from(remainder > 0))
}

fn floor<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    whole(call, arguments, f64::floor, |quotient, remainder, _| quotient - i128::from(remainder < 0))
}

/// Halves are rounded away from zero.
fn round<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    whole(call, arguments, f64::round, |quotient, remainder, divisor| {
        let far = remainder.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
        if far { quotient + remainder.signum() } else { quotient }
    })
}

fn trunc<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    whole(call, arguments, f64::trunc, |quotient, _, _| quotient)
}

fn abs<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(number)] => number.checked_abs().map(Value::Int).ok_or(EvaluationErrorKind::Overflow),
        [Value::Uint(number)] => Ok(Value::Uint(*number)),
        [Value::Double(number)] => Ok(Value::Double(number.abs())),
        [Value::Decimal(text)] if text.starts_with('-') => match negated(Number::Decimal(text))? {
            Some(number) => number_value(number, call.budget),
            None => Err(call.mismatch(arguments)),
        },
        [decimal @ Value::Decimal(_)] => Ok(*decimal),
        _ => Err(call.mismatch(arguments)),
    }
}

fn sign<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(number)] => Ok(Value::Int(number.signum())),
        [Value::Uint(number)] => Ok(Value::Uint((*number).min(1))),
        [Value::Double(number)] if *number == 0.0 || number.is_nan() => Ok(Value::Double(*number)),
        [Value::Double(number)] => Ok(Value::Double(number.signum())),
        [Value::Decimal(text)] => Ok(Value::Decimal(match Decimal::parse(text)?.unscaled.signum() {
            -1 => "-1",
            0 => "0",
            _ => "1",
        })),
        _ => Err(call.mismatch(arguments)),
    }
}

fn double<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Result<f64, EvaluationErrorKind> {
    match arguments {
        [value] => value.number().map(Number::to_double).ok_or_else(|| call.mismatch(arguments)),
        _ => Err(call.mismatch(arguments)),
    }
}

fn sqrt<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Double(double(call, arguments)?.sqrt()))
}

fn is_infinite<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let computed = matches!(arguments, [Value::Double(_)]);
    Ok(Value::Bool(computed && double(call, arguments)?.is_infinite()))
}

fn is_nan<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(double(call, arguments)?.is_nan()))
}

fn is_finite<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let computed = matches!(arguments, [Value::Double(_)]);
    Ok(Value::Bool(!computed || double(call, arguments)?.is_finite()))
}

fn bits<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    ints: fn(i64, i64) -> i64,
    uints: fn(u64, u64) -> u64,
) -> Outcome<'a> {
    match arguments {
        [Value::Int(left), Value::Int(right)] => Ok(Value::Int(ints(*left, *right))),
        [Value::Uint(left), Value::Uint(right)] => Ok(Value::Uint(uints(*left, *right))),
        _ => Err(call.mismatch(arguments)),
    }
}

fn bit_and<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    bits(call, arguments, |left, right| left & right, |left, right| left & right)
}

fn bit_or<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    bits(call, arguments, |left, right| left | right, |left, right| left | right)
}

fn bit_xor<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    bits(call, arguments, |left, right| left ^ right, |left, right| left ^ right)
}

fn bit_not<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(number)] => Ok(Value::Int(!number)),
        [Value::Uint(number)] => Ok(Value::Uint(!number)),
        _ => Err(call.mismatch(arguments)),
    }
}

/// By how many bits a number is shifted; none where that is all of them.
fn shift<'a>(call: &Call<'_, 'a>, by: i64) -> Result<Option<u32>, EvaluationErrorKind> {
    let by = u32::try_from(by).map_err(|_| call.refused("the shift is negative"))?;
    Ok((by < 64).then_some(by))
}

fn shift_left<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(number), Value::Int(by)] => {
            Ok(Value::Int(shift(call, *by)?.map_or(0, |by| number << by)))
        }
        [Value::Uint(number), Value::Int(by)] => {
            Ok(Value::Uint(shift(call, *by)?.map_or(0, |by| number << by)))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

/// Zeros come in from the left, whatever the sign.
fn shift_right<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Int(number), Value::Int(by)] => {
            let shifted = shift(call, *by)?.map_or(0, |by| number.cast_unsigned() >> by);
            Ok(Value::Int(shifted.cast_signed()))
        }
        [Value::Uint(number), Value::Int(by)] => {
            Ok(Value::Uint(shift(call, *by)?.map_or(0, |by| number >> by)))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn greatest<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    numbers(call, arguments)?;
    super::lists::extreme(call, arguments, Ordering::Greater)
}

fn least<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    numbers(call, arguments)?;
    super::lists::extreme(call, arguments, Ordering::Less)
}

/// Only numbers are compared, whatever else has an order.
fn numbers<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Result<(), EvaluationErrorKind> {
    let values = if let [Value::List(list)] = arguments { list } else { arguments };
    call.budget.spend(values.len())?;
    match values.iter().find(|value| value.number().is_none()) {
        None => Ok(()),
        Some(other) => Err(EvaluationErrorKind::Element {
            function: call.function.name,
            takes: "numbers",
            found: other.kind(),
        }),
    }
}
