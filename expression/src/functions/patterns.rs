//! Functions with regular expressions, in the syntax of RE2: there is no assertion and no back reference.

use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds as K;
use crate::limits::MAX_COMPUTED_PATTERN;
use crate::pattern::Pattern;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("matches", &[K::STRING, K::STRING], Gives::Kinds(K::BOOL), matches).pattern(1),
    Function::new("find", &[K::STRING, K::STRING], Gives::Kinds(K::STRING), find).pattern(1),
    Function::new("findAll", &[K::STRING, K::STRING, K::INT], Gives::List(K::STRING), find_all)
        .optional(1)
        .pattern(1),
];

/// Does something with the pattern of a call: the one in the expression, or one that is computed and compiled now.
fn with_pattern<'a, T>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    run: impl FnOnce(&Pattern, &regex::Regex, &'a str) -> Result<T, EvaluationErrorKind>,
) -> Result<T, EvaluationErrorKind> {
    let [Value::String(text), Value::String(source), ..] = arguments else {
        return Err(call.mismatch(arguments));
    };
    let computed;
    let pattern = match call.pattern {
        Some(pattern) => pattern,
        None => {
            call.budget.spend_bytes(source.len().saturating_mul(16))?;
            computed =
                Pattern::new(source, MAX_COMPUTED_PATTERN).map_err(|error| call.refused(error.reason()))?;
            call.budget.spend(computed.compile_steps())?;
            &computed
        }
    };
    call.budget.spend(pattern.search_steps(text.len()))?;
    let regex = pattern.regex().ok_or_else(|| call.refused("the pattern is too large"))?;
    run(pattern, regex, text)
}

fn matches<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    with_pattern(call, arguments, |_, regex, text| Ok(Value::Bool(regex.is_match(text))))
}

/// The first match; an empty text where there is none.
fn find<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    with_pattern(call, arguments, |_, regex, text| {
        Ok(Value::String(regex.find(text).map_or("", |found| found.as_str())))
    })
}

/// All matches, or the first ones.
fn find_all<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let most = match arguments {
        [_, _, Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    with_pattern(call, arguments, |pattern, regex, text| {
        let mut found = Vec::new();
        for part in regex.find_iter(text).take(most) {
            call.budget.check_elements(found.len() + 1)?;
            call.budget.spend(pattern.next_search_steps(text.len() - part.start()))?;
            found.push(Value::String(part.as_str()));
        }
        Ok(Value::List(call.budget.build(&found)?))
    })
}
