//! Functions of lists as sets.

use super::lists::position;
use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds as K;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("sets.contains", &[K::LIST, K::LIST], Gives::Kinds(K::BOOL), contains),
    Function::new("sets.equivalent", &[K::LIST, K::LIST], Gives::Kinds(K::BOOL), equivalent),
    Function::new("sets.intersects", &[K::LIST, K::LIST], Gives::Kinds(K::BOOL), intersects),
];

/// Whether every element of the second list is in the first one.
fn has_all<'a>(
    call: &Call<'_, 'a>,
    list: &[Value<'a>],
    elements: &[Value<'a>],
) -> Result<bool, EvaluationErrorKind> {
    for element in elements {
        if position(call, list, element)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contains<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(left), Value::List(right)] = arguments else { return Err(call.mismatch(arguments)) };
    has_all(call, left, right).map(Value::Bool)
}

fn equivalent<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(left), Value::List(right)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Bool(has_all(call, left, right)? && has_all(call, right, left)?))
}

fn intersects<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(left), Value::List(right)] = arguments else { return Err(call.mismatch(arguments)) };
    for element in *left {
        if position(call, right, element)?.is_some() {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
