//! Functions that read texts. Positions and lengths count characters.

use super::{Call, Function, Gives, Outcome};
use crate::kind::Kinds;
use crate::value::Value;

use Kinds as K;

const TEXT: Kinds = K::STRING;
const CONTAINERS: Kinds = K::STRING.and(K::BYTES).and(K::LIST).and(K::MAP);
const SEQUENCES: Kinds = K::STRING.and(K::LIST);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("size", &[CONTAINERS], Gives::Kinds(K::INT), size),
    Function::new("contains", &[CONTAINERS, K::ANY], Gives::Kinds(K::BOOL), contains),
    Function::new("startsWith", &[TEXT, TEXT], Gives::Kinds(K::BOOL), starts_with),
    Function::new("endsWith", &[TEXT, TEXT], Gives::Kinds(K::BOOL), ends_with),
    Function::new("charAt", &[TEXT, K::INT], Gives::Kinds(TEXT), char_at),
    Function::new("indexOf", &[SEQUENCES, K::ANY, K::INT], Gives::Kinds(K::INT), index_of).optional(1),
    Function::new("lastIndexOf", &[SEQUENCES, K::ANY, K::INT], Gives::Kinds(K::INT), last_index_of)
        .optional(1),
    Function::new("substring", &[TEXT, K::INT, K::INT], Gives::Kinds(TEXT), substring).optional(1),
];

const OUTSIDE: &str = "the position is outside of the text";

fn count(number: usize) -> Value<'static> {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn size<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(text)] => {
            call.budget.spend_bytes(text.len())?;
            Ok(count(text.chars().count()))
        }
        [Value::Bytes(bytes)] => Ok(count(bytes.len())),
        [Value::List(list)] => Ok(count(list.len())),
        [Value::Map(map)] => Ok(count(map.entries().len())),
        _ => Err(call.mismatch(arguments)),
    }
}

fn contains<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(text), Value::String(part)] => {
            call.budget.spend_bytes(text.len() + part.len())?;
            Ok(Value::Bool(text.contains(part)))
        }
        [Value::Bytes(bytes), Value::Bytes(part)] => {
            call.budget.spend(bytes.len().saturating_mul(part.len()) / 32)?;
            let found = part.is_empty() || bytes.windows(part.len()).any(|window| window == *part);
            Ok(Value::Bool(found))
        }
        [Value::List(list), element] => {
            Ok(Value::Bool(super::lists::position(call, list, element)?.is_some()))
        }
        [Value::Map(map), key] => {
            key.spend_text(call.budget)?;
            Ok(Value::Bool(map.get(key).is_some()))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn starts_with<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(part)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.spend_bytes(part.len())?;
    Ok(Value::Bool(text.starts_with(part)))
}

fn ends_with<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::String(part)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.spend_bytes(part.len())?;
    Ok(Value::Bool(text.ends_with(part)))
}

/// The offset of the character at a position; the length of the text is that of the one behind its last.
fn offset(text: &str, position: i64) -> Option<usize> {
    let position = usize::try_from(position).ok()?;
    if text.is_ascii() {
        return (position <= text.len()).then_some(position);
    }
    text.char_indices().map(|(offset, _)| offset).chain([text.len()]).nth(position)
}

/// The position of the character at an offset.
fn position(text: &str, offset: usize) -> Value<'static> {
    count(text.get(..offset).unwrap_or_default().chars().count())
}

fn char_at<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text), Value::Int(position)] = arguments else {
        return Err(call.mismatch(arguments));
    };
    call.budget.spend_bytes(text.len())?;
    let rest = offset(text, *position).and_then(|offset| text.get(offset..));
    let rest = rest.ok_or_else(|| call.refused(OUTSIDE))?;
    let length = rest.chars().next().map_or(0, char::len_utf8);
    Ok(Value::String(rest.get(..length).unwrap_or_default()))
}

fn index_of<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(text), Value::String(part), start @ ..] => {
            call.budget.spend_bytes(2 * text.len() + part.len())?;
            let start = if let [Value::Int(start)] = start { *start } else { 0 };
            let start = offset(text, start).ok_or_else(|| call.refused(OUTSIDE))?;
            let found = text.get(start..).and_then(|rest| rest.find(part));
            Ok(found.map_or(Value::Int(-1), |found| position(text, start + found)))
        }
        [Value::List(list), element] => {
            Ok(super::lists::position(call, list, element)?.map_or(Value::Int(-1), count))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn last_index_of<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(text), Value::String(part), last @ ..] => {
            call.budget.spend_bytes(2 * text.len() + part.len())?;
            let last = match last {
                [Value::Int(last)] => offset(text, *last).ok_or_else(|| call.refused(OUTSIDE))?,
                _ => text.len(),
            };
            // The match may begin at the position and go on behind it.
            let end = last.saturating_add(part.len()).min(text.len());
            let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
            let found = text.get(..end).and_then(|before| before.rfind(part));
            Ok(found.map_or(Value::Int(-1), |found| position(text, found)))
        }
        [Value::List(list), element] => {
            let mut last = None;
            for (index, candidate) in list.iter().enumerate() {
                call.budget.spend(1)?;
                if crate::comparison::equal(candidate, element, call.budget)? {
                    last = Some(index);
                }
            }
            Ok(last.map_or(Value::Int(-1), count))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn substring<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, start, end) = match arguments {
        [Value::String(text), Value::Int(start)] => (text, start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, start, Some(end)),
        _ => return Err(call.mismatch(arguments)),
    };
    call.budget.spend_bytes(text.len())?;
    let outside = || call.refused("the positions are outside of the text");
    let start = offset(text, *start).ok_or_else(outside)?;
    let end = match end {
        Some(end) => offset(text, *end).ok_or_else(outside)?,
        None => text.len(),
    };
    text.get(start..end).map(Value::String).ok_or_else(outside)
}
