//! Functions that make texts from others.

use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::value::Value;

use Kinds as K;

const TEXT: Kinds = K::STRING;
const SEQUENCES: Kinds = K::STRING.and(K::LIST);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("lowerAscii", &[TEXT], Gives::Kinds(TEXT), lower_ascii),
    Function::new("upperAscii", &[TEXT], Gives::Kinds(TEXT), upper_ascii),
    Function::new("trim", &[TEXT], Gives::Kinds(TEXT), trim),
    Function::new("reverse", &[SEQUENCES], Gives::First, reverse),
    Function::new("replace", &[TEXT, TEXT, TEXT, K::INT], Gives::Kinds(TEXT), replace).optional(1),
    Function::new("split", &[TEXT, TEXT, K::INT], Gives::List(TEXT), split).optional(1),
    Function::new("join", &[K::LIST, TEXT], Gives::Kinds(TEXT), join).optional(1).elements(TEXT),
    Function::new("strings.quote", &[TEXT], Gives::Kinds(TEXT), quote),
    Function::new("jsonpatch.escapeKey", &[TEXT], Gives::Kinds(TEXT), escape_key),
];

fn lower_ascii<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    changed(call, text, u8::is_ascii_uppercase, str::make_ascii_lowercase)
}

fn upper_ascii<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    changed(call, text, u8::is_ascii_lowercase, str::make_ascii_uppercase)
}

/// The text in another case; itself where nothing changes.
fn changed<'a>(
    call: &Call<'_, 'a>,
    text: &'a str,
    changes: fn(&u8) -> bool,
    change: fn(&mut str),
) -> Outcome<'a> {
    call.budget.spend_bytes(text.len())?;
    if !text.bytes().any(|byte| changes(&byte)) {
        return Ok(Value::String(text));
    }
    let built = call.budget.build_text(|out| {
        out.push(text)?;
        out.write(|out| change(out))
    })?;
    Ok(Value::String(built))
}

fn trim<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.spend_bytes(text.len())?;
    Ok(Value::String(text.trim()))
}

fn reverse<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::String(text)] => {
            call.budget.spend(text.len() / 8)?;
            let reversed =
                call.budget.build_text(|out| text.chars().rev().try_for_each(|it| out.push_character(it)))?;
            Ok(Value::String(reversed))
        }
        [Value::List(list)] => {
            call.budget.check_elements(list.len())?;
            let reversed: Vec<Value<'a>> = list.iter().rev().copied().collect();
            Ok(Value::List(call.budget.build(&reversed)?))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn replace<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, from, to, most) = match arguments {
        [Value::String(text), Value::String(from), Value::String(to)] => (text, from, to, usize::MAX),
        [Value::String(text), Value::String(from), Value::String(to), Value::Int(most)] => {
            // A negative limit is none.
            (text, from, to, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return Err(call.mismatch(arguments)),
    };
    call.budget.spend_bytes(text.len() + from.len())?;
    if !text.contains(from) || most == 0 {
        return Ok(Value::String(text));
    }
    let built = call.budget.build_text(|out| {
        let mut copied = 0;
        for (start, found) in text.match_indices(from).take(most) {
            call.budget.spend(1)?;
            out.push(text.get(copied..start).unwrap_or_default())?;
            out.push(to)?;
            copied = start + found.len();
        }
        out.push(text.get(copied..).unwrap_or_default())
    })?;
    Ok(Value::String(built))
}

fn split<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (text, separator, most) = match arguments {
        [Value::String(text), Value::String(separator)] => (*text, *separator, usize::MAX),
        [Value::String(text), Value::String(separator), Value::Int(most)] => {
            (*text, *separator, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return Err(call.mismatch(arguments)),
    };
    call.budget.spend_bytes(text.len() + separator.len())?;
    let limit = most.min(crate::limits::MAX_ELEMENTS + 1);
    let parts: Vec<Value<'a>> = if separator.is_empty() {
        characters(text, limit)
    } else {
        text.splitn(limit, separator).map(Value::String).collect()
    };
    Ok(Value::List(call.budget.build(&parts)?))
}

/// The characters of a text one by one; the last part has all that is left.
fn characters(text: &str, limit: usize) -> Vec<Value<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() < limit {
        let Some(first) = rest.chars().next() else { break };
        let length = if parts.len() + 1 == limit { rest.len() } else { first.len_utf8() };
        let (part, after) = rest.split_at(length);
        parts.push(Value::String(part));
        rest = after;
    }
    parts
}

fn join<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (list, separator) = match arguments {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, *separator),
        _ => return Err(call.mismatch(arguments)),
    };
    call.budget.spend(list.len())?;
    if list.iter().any(|element| matches!(element, Value::Absent)) {
        return Ok(Value::Absent);
    }
    let built = call.budget.build_text(|out| {
        for (position, element) in list.iter().enumerate() {
            let Value::String(text) = element else {
                return Err(EvaluationErrorKind::Element {
                    function: call.function.name,
                    takes: "strings",
                    found: element.kind(),
                });
            };
            if position > 0 {
                out.push(separator)?;
            }
            out.push(text)?;
        }
        Ok(())
    })?;
    Ok(Value::String(built))
}

fn quote<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    let built = call.budget.build_text(|out| {
        out.push("\"")?;
        for character in text.chars() {
            match character {
                '\\' => out.push("\\\\")?,
                '"' => out.push("\\\"")?,
                '\x07' => out.push("\\a")?,
                '\x08' => out.push("\\b")?,
                '\x0c' => out.push("\\f")?,
                '\n' => out.push("\\n")?,
                '\r' => out.push("\\r")?,
                '\t' => out.push("\\t")?,
                '\x0b' => out.push("\\v")?,
                _ => out.push_character(character)?,
            }
        }
        out.push("\"")
    })?;
    Ok(Value::String(built))
}

fn escape_key<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    let built = call.budget.build_text(|out| {
        text.chars().try_for_each(|character| match character {
            '~' => out.push("~0"),
            '/' => out.push("~1"),
            _ => out.push_character(character),
        })
    })?;
    Ok(Value::String(built))
}
