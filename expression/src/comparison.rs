//! Equality and order of values.

use std::cmp::Ordering;

use super::budget::Budget;
use super::evaluation_error::EvaluationErrorKind;
use super::number;
use super::value::{Map, Value};
use super::version::Version;

/// Whether two values are equal. Values of different kinds are not, but for numbers; null and absent are the same.
pub(super) fn equal(
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &Budget,
) -> Result<bool, EvaluationErrorKind> {
    Ok(match (left, right) {
        (Value::String(left), Value::String(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            budget.spend_bytes(left.len())?;
            left == right
        }
        (Value::Int(left), Value::Int(right)) => left == right,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Absent | Value::Null, Value::Absent | Value::Null) => true,
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.spend_bytes(left.len())?;
            left == right
        }
        (Value::List(left), Value::List(right)) => return lists_are_equal(left, right, budget),
        (Value::Map(left), Value::Map(right)) => return maps_are_equal(*left, *right, budget),
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Optional(None), Value::Optional(None)) => true,
        (Value::Optional(Some(left)), Value::Optional(Some(right))) => return equal(left, right, budget),
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::Url(left), Value::Url(right)) => left == right,
        (Value::Ip(left), Value::Ip(right)) => left == right,
        (Value::Cidr(left), Value::Cidr(right)) => left == right,
        (Value::Semver(left), Value::Semver(right)) => {
            Version::parse(left).zip(Version::parse(right)).is_some_and(|(left, right)| left == right)
        }
        (Value::Quantity(left), Value::Quantity(right)) => {
            number::compare(number::Number::Decimal(left), number::Number::Decimal(right))
                == Some(Ordering::Equal)
        }
        _ => match (left.number(), right.number()) {
            (Some(first), Some(second)) => {
                left.spend_text(budget)?;
                right.spend_text(budget)?;
                number::compare(first, second) == Some(Ordering::Equal)
            }
            _ => false,
        },
    })
}

fn lists_are_equal(
    left: &[Value<'_>],
    right: &[Value<'_>],
    budget: &Budget,
) -> Result<bool, EvaluationErrorKind> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right) {
        budget.spend(1)?;
        if !equal(left, right, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_are_equal(left: Map<'_>, right: Map<'_>, budget: &Budget) -> Result<bool, EvaluationErrorKind> {
    if left.entries().len() != right.entries().len() {
        return Ok(false);
    }
    for ((left_key, left), (right_key, right)) in left.entries().iter().zip(right.entries()) {
        budget.spend(2)?;
        if !equal(left_key, right_key, budget)? || !equal(left, right, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two values; none where there is none, because they are of different kinds or one is NaN.
pub(super) fn order(
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &Budget,
) -> Result<Option<Ordering>, EvaluationErrorKind> {
    Ok(match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::String(left), Value::String(right)) => {
            budget.spend_bytes(left.len().min(right.len()))?;
            Some(left.cmp(right))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.spend_bytes(left.len().min(right.len()))?;
            Some(left.cmp(right))
        }
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => match (left.number(), right.number()) {
            (Some(first), Some(second)) => {
                left.spend_text(budget)?;
                right.spend_text(budget)?;
                number::compare(first, second)
            }
            _ => None,
        },
    })
}

/// Whether values of these kinds have an order. NaN has none and its kind has one: then every comparison is false.
pub(super) fn have_order(left: &Value<'_>, right: &Value<'_>) -> bool {
    left.number().is_some() && right.number().is_some()
        || left.kind() == right.kind()
            && matches!(
                left,
                Value::String(_)
                    | Value::Bytes(_)
                    | Value::Bool(_)
                    | Value::Timestamp(_)
                    | Value::Duration(_)
            )
}
