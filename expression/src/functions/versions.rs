//! Functions of semantic versions, as Kubernetes has them, and the comparisons that versions and quantities share.

use std::cmp::Ordering;

use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::limits::BYTES_PER_STEP;
use crate::number::{self, Number};
use crate::value::Value;
use crate::version::{Version, normalized};

use Kinds as K;

const COMPARED: Kinds = K::SEMVER.and(K::QUANTITY);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("semver", &[K::STRING, K::BOOL], Gives::Kinds(K::SEMVER), semver).optional(1),
    Function::new("isSemver", &[K::STRING, K::BOOL], Gives::Kinds(K::BOOL), is_semver).optional(1),
    Function::new("major", &[K::SEMVER], Gives::Kinds(K::INT), major),
    Function::new("minor", &[K::SEMVER], Gives::Kinds(K::INT), minor),
    Function::new("patch", &[K::SEMVER], Gives::Kinds(K::INT), patch),
    Function::new("isGreaterThan", &[COMPARED, COMPARED], Gives::Kinds(K::BOOL), is_greater_than),
    Function::new("isLessThan", &[COMPARED, COMPARED], Gives::Kinds(K::BOOL), is_less_than),
    Function::new("compareTo", &[COMPARED, COMPARED], Gives::Kinds(K::INT), compare_to),
];

/// The steps of reading a version.
const STEPS: usize = 2;

/// The text of the version that a text is. The second argument allows a `v`, leading zeros and missing numbers.
fn parsed<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Result<Option<&'a str>, EvaluationErrorKind> {
    let text = match arguments {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => text,
        [Value::String(text), Value::Bool(true)] => {
            call.budget.spend_bytes(text.len())?;
            call.budget.build_text(|out| out.write(|out| normalized(text, out)))?
        }
        _ => return Err(call.mismatch(arguments)),
    };
    call.budget.spend(STEPS + text.len() / BYTES_PER_STEP)?;
    Ok(Version::parse(text).map(|_| text))
}

fn semver<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = parsed(call, arguments)?;
    text.map(Value::Semver).ok_or_else(|| call.refused("the text is not a version like 1.2.3"))
}

fn is_semver<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(parsed(call, arguments)?.is_some()))
}

fn number<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>], of: fn([u64; 3]) -> u64) -> Outcome<'a> {
    let [Value::Semver(text)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.spend_bytes(text.len())?;
    let version = Version::parse(text).ok_or_else(|| call.refused("the text is no version"))?;
    i64::try_from(of(version.numbers)).map(Value::Int).map_err(|_| EvaluationErrorKind::Overflow)
}

fn major<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    number(call, arguments, |[major, _, _]| major)
}

fn minor<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    number(call, arguments, |[_, minor, _]| minor)
}

fn patch<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    number(call, arguments, |[_, _, patch]| patch)
}

fn order<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Result<Ordering, EvaluationErrorKind> {
    match arguments {
        [Value::Semver(left), Value::Semver(right)] => {
            call.budget.spend(STEPS + (left.len() + right.len()) / BYTES_PER_STEP)?;
            let versions = Version::parse(left).zip(Version::parse(right));
            Ok(versions.map_or(Ordering::Equal, |(left, right)| left.compare(right)))
        }
        [Value::Quantity(left), Value::Quantity(right)] => {
            call.budget.spend_bytes(left.len() + right.len())?;
            let order = number::compare(Number::Decimal(left), Number::Decimal(right));
            Ok(order.unwrap_or(Ordering::Equal))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn is_greater_than<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(order(call, arguments)?.is_gt()))
}

fn is_less_than<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(order(call, arguments)?.is_lt()))
}

fn compare_to<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Int(order(call, arguments)? as i64))
}
