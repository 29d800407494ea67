//! Arithmetic with numbers of all kinds.
//!
//! Numbers of one kind stay that kind. Of two kinds, a double makes a double, and a decimal makes a decimal; only an int
//! and a uint do not go together.

use super::{Decimal, Number};
use crate::evaluation_error::EvaluationErrorKind;

/// An operation of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A result before a decimal is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Int(i64),
    Uint(u64),
    Double(f64),
    Decimal(Decimal),
}

const OVERFLOW: EvaluationErrorKind = EvaluationErrorKind::Overflow;
const BY_ZERO: EvaluationErrorKind = EvaluationErrorKind::DivisionByZero;

/// The result of an operation; none when it does not take numbers of these kinds.
pub(crate) fn arithmetic(
    operation: Arithmetic,
    left: Number<'_>,
    right: Number<'_>,
) -> Result<Option<Outcome>, EvaluationErrorKind> {
    use Number::{Double, Int, Uint};
    Ok(match (left, right) {
        (Int(left), Int(right)) => Some(Outcome::Int(ints(operation, left, right)?)),
        (Uint(left), Uint(right)) => Some(Outcome::Uint(uints(operation, left, right)?)),
        (Int(_), Uint(_)) | (Uint(_), Int(_)) => None,
        (Double(_), _) | (_, Double(_)) => {
            doubles(operation, left.to_double(), right.to_double()).map(Outcome::Double)
        }
        _ => decimals(operation, left, right)?,
    })
}

/// The number with the other sign; none when it has none.
pub(crate) fn negated(number: Number<'_>) -> Result<Option<Outcome>, EvaluationErrorKind> {
    Ok(match number {
        Number::Int(number) => Some(Outcome::Int(number.checked_neg().ok_or(OVERFLOW)?)),
        Number::Uint(_) => None,
        Number::Double(number) => Some(Outcome::Double(-number)),
        Number::Decimal(text) => {
            let decimal = Decimal::parse(text)?;
            Some(Outcome::Decimal(Decimal { unscaled: -decimal.unscaled, ..decimal }))
        }
    })
}

fn ints(operation: Arithmetic, left: i64, right: i64) -> Result<i64, EvaluationErrorKind> {
    match operation {
        Arithmetic::Add => left.checked_add(right).ok_or(OVERFLOW),
        Arithmetic::Subtract => left.checked_sub(right).ok_or(OVERFLOW),
        Arithmetic::Multiply => left.checked_mul(right).ok_or(OVERFLOW),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => Err(BY_ZERO),
        Arithmetic::Divide => left.checked_div(right).ok_or(OVERFLOW),
        Arithmetic::Remainder => left.checked_rem(right).ok_or(OVERFLOW),
    }
}

fn uints(operation: Arithmetic, left: u64, right: u64) -> Result<u64, EvaluationErrorKind> {
    match operation {
        Arithmetic::Add => left.checked_add(right).ok_or(OVERFLOW),
        Arithmetic::Subtract => left.checked_sub(right).ok_or(OVERFLOW),
        Arithmetic::Multiply => left.checked_mul(right).ok_or(OVERFLOW),
        Arithmetic::Divide => left.checked_div(right).ok_or(BY_ZERO),
        Arithmetic::Remainder => left.checked_rem(right).ok_or(BY_ZERO),
    }
}

fn doubles(operation: Arithmetic, left: f64, right: f64) -> Option<f64> {
    match operation {
        Arithmetic::Add => Some(left + right),
        Arithmetic::Subtract => Some(left - right),
        Arithmetic::Multiply => Some(left * right),
        Arithmetic::Divide => Some(left / right),
        Arithmetic::Remainder => None,
    }
}

fn decimals(
    operation: Arithmetic,
    left: Number<'_>,
    right: Number<'_>,
) -> Result<Option<Outcome>, EvaluationErrorKind> {
    let (first, second) = (decimal(left)?, decimal(right)?);
    let whole = first.is_integer() && second.is_integer();
    let exact = match operation {
        Arithmetic::Add => first.add(second)?,
        Arithmetic::Subtract => first.subtract(second)?,
        Arithmetic::Multiply => first.multiply(second)?,
        Arithmetic::Divide | Arithmetic::Remainder if whole && second.unscaled == 0 => return Err(BY_ZERO),
        Arithmetic::Divide if whole => Decimal::integer(first.unscaled / second.unscaled),
        Arithmetic::Remainder if whole => Decimal::integer(first.unscaled % second.unscaled),
        // Few quotients of decimals have an end.
        Arithmetic::Divide => return Ok(Some(Outcome::Double(left.to_double() / right.to_double()))),
        Arithmetic::Remainder => return Ok(None),
    };
    Ok(Some(Outcome::Decimal(exact)))
}

fn decimal(number: Number<'_>) -> Result<Decimal, EvaluationErrorKind> {
    match number {
        Number::Int(number) => Ok(Decimal::integer(number.into())),
        Number::Uint(number) => Ok(Decimal::integer(number.into())),
        Number::Decimal(text) => Decimal::parse(text),
        Number::Double(_) => Err(EvaluationErrorKind::Overflow),
    }
}
