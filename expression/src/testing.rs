//! Evaluation of expressions in tests.

use std::fmt::Write;

use super::time::write_duration;
use super::{Budget, EvaluationErrorKind, Kinds, MemberPath, RecordExpression, Value, Variables};

/// The members of a record, each with its path.
pub(super) type Members<'m> = &'m [(&'m str, Value<'m>)];

struct Record<'r> {
    paths: &'r [MemberPath],
    members: Members<'r>,
}

impl<'r> Variables<'r> for Record<'r> {
    fn variable(&self, variable: usize, _: &'r Budget) -> Result<Value<'r>, EvaluationErrorKind> {
        let path = self.paths[variable].names().collect::<Vec<_>>().join(".");
        for (member, value) in self.members {
            if *member == path {
                return Ok(*value);
            }
            if path.strip_prefix(member).is_some_and(|rest| rest.starts_with('.')) && !value.is_nothing() {
                return Err(EvaluationErrorKind::NoMembers(value.kind()));
            }
        }
        Ok(Value::Absent)
    }
}

/// The value of an expression over a record, as it is shown, or its error.
pub(super) fn evaluated(source: &str, members: Members<'_>) -> String {
    with_steps(source, members).0
}

/// The same, with the steps that it took.
pub(super) fn with_steps(source: &str, members: Members<'_>) -> (String, u32) {
    let expression = match RecordExpression::compile(source, Kinds::ANY) {
        Ok(expression) => expression,
        Err(error) => return (format!("refused: {error}"), 0),
    };
    let budget = Budget::new();
    let record = Record { paths: expression.variables(), members };
    let shown = match expression.evaluate(&record, &budget) {
        Ok(value) => shown(&value),
        Err(error) => format!("error: {error}"),
    };
    (shown, budget.steps())
}

/// A value as tests expect it. A decimal has an `m` behind it.
pub(super) fn shown(value: &Value<'_>) -> String {
    let mut out = String::new();
    show(value, &mut out);
    out
}

fn show(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Absent => out.push_str("absent"),
        Value::Null => out.push_str("null"),
        Value::Bool(value) => write!(out, "{value}").unwrap(),
        Value::Int(value) => write!(out, "{value}").unwrap(),
        Value::Uint(value) => write!(out, "{value}u").unwrap(),
        Value::Double(value) => write!(out, "{value:?}").unwrap(),
        Value::Decimal(text) => write!(out, "{text}m").unwrap(),
        Value::String(text) => write!(out, "'{text}'").unwrap(),
        Value::Bytes(bytes) => write!(out, "b'{}'", bytes.escape_ascii()).unwrap(),
        Value::List(list) => {
            out.push('[');
            for (index, element) in list.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                show(element, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (key, value)) in map.entries().iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                show(key, out);
                out.push_str(": ");
                show(value, out);
            }
            out.push('}');
        }
        Value::Timestamp(time) => write!(out, "{time}").unwrap(),
        Value::Duration(nanoseconds) => write_duration(*nanoseconds, out),
        Value::Optional(None) => out.push_str("none"),
        Value::Optional(Some(value)) => {
            out.push_str("some ");
            show(value, out);
        }
        Value::Type(name) => write!(out, "{name:?}").unwrap(),
        Value::Url(text) | Value::Semver(text) | Value::Quantity(text) => write!(out, "<{text}>").unwrap(),
        Value::Ip(address) => write!(out, "<{address}>").unwrap(),
        Value::Cidr(range) => write!(out, "<{range}>").unwrap(),
    }
}

/// Evaluates expressions without a record and compares what they give.
#[track_caller]
pub(super) fn check_all(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(evaluated(source, &[]), *expected, "{source}");
    }
}
