//! Functions of values that may be missing.

use super::{Call, Function, Gives, Outcome};
use crate::kind::Kinds as K;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("optional.none", &[], Gives::Kinds(K::OPTIONAL), none),
    Function::new("optional.of", &[K::ANY], Gives::Optional, of).takes_nothing().passes_on(),
    Function::new("optional.ofNonZeroValue", &[K::ANY], Gives::Optional, of_non_zero)
        .takes_nothing()
        .passes_on(),
    Function::new("hasValue", &[K::OPTIONAL], Gives::Kinds(K::BOOL), has_value),
    Function::new("value", &[K::OPTIONAL], Gives::Element, value),
    Function::new("or", &[K::OPTIONAL, K::OPTIONAL], Gives::First, or).takes_nothing(),
    Function::new("orValue", &[K::ANY, K::ANY], Gives::Unwrapped, or_value).takes_nothing().passes_on(),
];

fn none<'a>(_: &Call<'_, 'a>, _: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Optional(None))
}

/// The optional of what is absent is none.
fn of<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Absent] => Ok(Value::Optional(None)),
        [value] => Ok(Value::Optional(Some(call.budget.keep(*value)?))),
        _ => Err(call.mismatch(arguments)),
    }
}

fn of_non_zero<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let zero = match arguments {
        [Value::Absent | Value::Null | Value::Bool(false) | Value::Optional(None)] => true,
        [Value::String("") | Value::Bytes([]) | Value::List([]) | Value::Duration(0)] => true,
        [Value::Map(map)] => map.entries().is_empty(),
        [value] => value.number().is_some_and(|number| number.to_double() == 0.0),
        _ => return Err(call.mismatch(arguments)),
    };
    if zero { Ok(Value::Optional(None)) } else { of(call, arguments) }
}

fn has_value<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Optional(value)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Bool(value.is_some()))
}

fn value<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Optional(Some(value))] => Ok(**value),
        [Value::Optional(None)] => Err(call.refused("the optional has no value")),
        _ => Err(call.mismatch(arguments)),
    }
}

fn or<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Absent | Value::Null | Value::Optional(None), other] => Ok(*other),
        [value @ Value::Optional(Some(_)), _] => Ok(*value),
        _ => Err(call.mismatch(arguments)),
    }
}

/// The other value where the first one is absent, null, or an optional without a value or with null.
fn or_value<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Absent | Value::Null | Value::Optional(None), other] => Ok(*other),
        [Value::Optional(Some(Value::Absent | Value::Null)), other] => Ok(*other),
        [Value::Optional(Some(value)), _] => Ok(**value),
        [value, _] => Ok(*value),
        _ => Err(call.mismatch(arguments)),
    }
}
