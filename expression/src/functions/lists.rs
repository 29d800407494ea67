//! Functions of lists.

use std::cmp::Ordering;

use super::{Call, Function, Gives, Outcome};
use crate::arithmetic::add;
use crate::comparison::{equal, have_order, order};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::value::Value;

use Kinds as K;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("isSorted", &[K::LIST], Gives::Kinds(K::BOOL), is_sorted),
    Function::new("sum", &[K::LIST], Gives::Element, sum).elements(K::NUMBER.and(K::DURATION)),
    Function::new("min", &[K::ANY], Gives::OneOf, min).variadic().passes_on(),
    Function::new("max", &[K::ANY], Gives::OneOf, max).variadic().passes_on(),
    Function::new("slice", &[K::LIST, K::INT, K::INT], Gives::First, slice),
    Function::new("sort", &[K::LIST], Gives::First, sort),
    Function::new("flatten", &[K::LIST, K::INT], Gives::List(K::ANY), flatten).optional(1),
    Function::new("distinct", &[K::LIST], Gives::First, distinct),
    Function::new("first", &[K::LIST], Gives::OptionalElement, first),
    Function::new("last", &[K::LIST], Gives::OptionalElement, last),
];

/// The position of the first element that equals a value.
pub(super) fn position<'a>(
    call: &Call<'_, 'a>,
    list: &[Value<'a>],
    element: &Value<'a>,
) -> Result<Option<usize>, EvaluationErrorKind> {
    for (index, candidate) in list.iter().enumerate() {
        call.budget.spend(1)?;
        if equal(candidate, element, call.budget)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// The order of two elements, which must have one.
fn ordered<'a>(
    call: &Call<'_, 'a>,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Result<Ordering, EvaluationErrorKind> {
    call.budget.spend(1)?;
    match order(left, right, call.budget)? {
        Some(order) => Ok(order),
        None if have_order(left, right) => Err(call.refused("NaN has no order")),
        None => Err(EvaluationErrorKind::Element {
            function: call.function.name,
            takes: "values that have an order",
            found: right.kind(),
        }),
    }
}

fn is_sorted<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return Err(call.mismatch(arguments)) };
    for (left, right) in list.iter().zip(list.iter().skip(1)) {
        if ordered(call, left, right)?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return Err(call.mismatch(arguments)) };
    let mut sum = Value::Int(0);
    for (index, element) in list.iter().enumerate() {
        call.budget.spend(1)?;
        if !matches!(element, Value::Duration(_)) && element.number().is_none() {
            return Err(EvaluationErrorKind::Element {
                function: call.function.name,
                takes: "numbers or durations",
                found: element.kind(),
            });
        }
        sum = if index == 0 { *element } else { add(&sum, element, call.budget)? };
    }
    Ok(sum)
}

fn min<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    extreme(call, arguments, Ordering::Less)
}

fn max<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    extreme(call, arguments, Ordering::Greater)
}

/// The first one of several values, or of the elements of a list, before or behind which no other one is.
pub(super) fn extreme<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>], wanted: Ordering) -> Outcome<'a> {
    let values = if let [Value::List(list)] = arguments { list } else { arguments };
    let Some((first, others)) = values.split_first() else {
        return Err(call.refused("the list is empty"));
    };
    let mut best = *first;
    ordered(call, &best, &best)?;
    for value in others {
        if ordered(call, value, &best)? == wanted {
            best = *value;
        }
    }
    Ok(best)
}

fn slice<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = arguments else {
        return Err(call.mismatch(arguments));
    };
    let part = usize::try_from(*start).ok().zip(usize::try_from(*end).ok());
    let part = part.and_then(|(start, end)| list.get(start..end));
    part.map(Value::List).ok_or_else(|| call.refused("the positions are outside of the list"))
}

fn sort<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.check_elements(list.len())?;
    let mut sorted = list.to_vec();
    let mut failure = None;
    if let [only] = sorted.as_slice() {
        ordered(call, only, only)?;
    }
    sorted.sort_by(|left, right| {
        if failure.is_some() {
            return Ordering::Equal;
        }
        ordered(call, left, right).unwrap_or_else(|error| {
            failure = Some(error);
            Ordering::Equal
        })
    });
    match failure {
        None => Ok(Value::List(call.budget.build(&sorted)?)),
        Some(failure) => Err(failure),
    }
}

fn flatten<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (list, depth) = match arguments {
        [Value::List(list)] => (list, 1),
        [Value::List(list), Value::Int(depth)] => (list, *depth),
        _ => return Err(call.mismatch(arguments)),
    };
    if depth < 0 {
        return Err(call.refused("the depth is negative"));
    }
    let mut flat = Vec::new();
    flatten_into(call, list, depth, &mut flat)?;
    Ok(Value::List(call.budget.build(&flat)?))
}

/// Recurses as deep as lists are within each other, which the depth of JSON and of expressions bounds.
fn flatten_into<'a>(
    call: &Call<'_, 'a>,
    list: &[Value<'a>],
    depth: i64,
    flat: &mut Vec<Value<'a>>,
) -> Result<(), EvaluationErrorKind> {
    for element in list {
        call.budget.spend(1)?;
        match element {
            Value::List(inner) if depth > 0 => flatten_into(call, inner, depth - 1, flat)?,
            _ => {
                call.budget.check_elements(flat.len())?;
                flat.push(*element);
            }
        }
    }
    Ok(())
}

fn distinct<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return Err(call.mismatch(arguments)) };
    let mut found: Vec<Value<'a>> = Vec::new();
    for element in *list {
        if position(call, &found, element)?.is_none() {
            call.budget.check_elements(found.len())?;
            found.push(*element);
        }
    }
    Ok(Value::List(call.budget.build(&found)?))
}

fn first<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Optional(list.first()))
}

fn last<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::List(list)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Optional(list.last()))
}
