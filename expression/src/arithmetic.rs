//! Arithmetic of values: numbers, texts, bytes, lists and times.

use super::budget::Budget;
use super::evaluation_error::EvaluationErrorKind;
use super::number::{self, Arithmetic, Outcome};
use super::time::Timestamp;
use super::value::Value;

/// The error for operands that an operator does not take together.
pub(super) fn operands(operator: &'static str, left: &Value<'_>, right: &Value<'_>) -> EvaluationErrorKind {
    EvaluationErrorKind::Operands { operator, left: left.kind(), right: right.kind() }
}

/// The opposite of a number.
pub(super) fn negated<'a>(value: &Value<'a>, budget: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind> {
    let number = match value.number() {
        Some(number) => number::negated(number)?,
        None => None,
    };
    match number {
        Some(number) => number_value(number, budget),
        None => Err(EvaluationErrorKind::Operand { operator: "-", operand: value.kind() }),
    }
}

/// The sum of two values, neither of which is absent or null.
pub(super) fn add<'a>(
    left: &Value<'a>,
    right: &Value<'a>,
    budget: &'a Budget,
) -> Result<Value<'a>, EvaluationErrorKind> {
    sum(&[*left, *right], budget)
}

/// The sum of values; absent where one of them is absent or null.
pub(super) fn sum<'a>(values: &[Value<'a>], budget: &'a Budget) -> Result<Value<'a>, EvaluationErrorKind> {
    if values.iter().any(Value::is_nothing) {
        return Ok(Value::Absent);
    }
    if values.iter().all(|value| matches!(value, Value::String(_))) {
        return Ok(Value::String(budget.build_text(|out| {
            values
                .iter()
                .try_for_each(|value| if let Value::String(text) = value { out.push(text) } else { Ok(()) })
        })?));
    }
    let Some((first, others)) = values.split_first() else { return Ok(Value::Absent) };
    others.iter().try_fold(*first, |sum, value| plus(&sum, value, budget))
}

fn plus<'a>(
    left: &Value<'a>,
    right: &Value<'a>,
    budget: &'a Budget,
) -> Result<Value<'a>, EvaluationErrorKind> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            Ok(Value::String(budget.build_text(|out| out.push(left).and_then(|()| out.push(right)))?))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.check_bytes(left.len() + right.len())?;
            Ok(Value::Bytes(budget.build_bytes(&[*left, *right].concat())?))
        }
        (Value::List(left), Value::List(right)) => {
            budget.check_elements(left.len() + right.len())?;
            Ok(Value::List(budget.build(&[*left, *right].concat())?))
        }
        _ => arithmetic(Arithmetic::Add, "+", left, right, budget),
    }
}

/// An operation on two values, neither of which is absent or null.
pub(super) fn arithmetic<'a>(
    operation: Arithmetic,
    symbol: &'static str,
    left: &Value<'a>,
    right: &Value<'a>,
    budget: &'a Budget,
) -> Result<Value<'a>, EvaluationErrorKind> {
    if let (Some(first), Some(second)) = (left.number(), right.number()) {
        left.spend_text(budget)?;
        right.spend_text(budget)?;
        return match number::arithmetic(operation, first, second)? {
            Some(number) => number_value(number, budget),
            None => Err(operands(symbol, left, right)),
        };
    }
    time_arithmetic(operation, left, right)?.ok_or_else(|| operands(symbol, left, right))
}

/// Sums and differences of points in time and lengths of time; none for anything else.
fn time_arithmetic<'a>(
    operation: Arithmetic,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Result<Option<Value<'a>>, EvaluationErrorKind> {
    const OVERFLOW: EvaluationErrorKind = EvaluationErrorKind::Overflow;
    let moved = |time: &Timestamp, by: i64| time.plus(by).map(Value::Timestamp).ok_or(OVERFLOW);
    Ok(Some(match (operation, left, right) {
        (Arithmetic::Add, Value::Timestamp(time), Value::Duration(duration))
        | (Arithmetic::Add, Value::Duration(duration), Value::Timestamp(time)) => moved(time, *duration)?,
        (Arithmetic::Subtract, Value::Timestamp(time), Value::Duration(duration)) => {
            moved(time, duration.checked_neg().ok_or(OVERFLOW)?)?
        }
        (Arithmetic::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            Value::Duration(left.since(*right).ok_or(OVERFLOW)?)
        }
        (Arithmetic::Add, Value::Duration(left), Value::Duration(right)) => {
            Value::Duration(left.checked_add(*right).ok_or(OVERFLOW)?)
        }
        (Arithmetic::Subtract, Value::Duration(left), Value::Duration(right)) => {
            Value::Duration(left.checked_sub(*right).ok_or(OVERFLOW)?)
        }
        _ => return Ok(None),
    }))
}

/// A computed number as a value.
pub(super) fn number_value<'a>(
    number: Outcome,
    budget: &'a Budget,
) -> Result<Value<'a>, EvaluationErrorKind> {
    Ok(match number {
        Outcome::Int(number) => Value::Int(number),
        Outcome::Uint(number) => Value::Uint(number),
        Outcome::Double(number) => Value::Double(number),
        Outcome::Decimal(decimal) => {
            budget.spend(1)?;
            Value::Decimal(budget.build_text(|out| out.write(|out| decimal.write(out)))?)
        }
    })
}
