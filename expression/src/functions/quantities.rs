//! Functions of the quantities of Kubernetes: `1.5Gi`, `500m`. They are exact.

use super::conversions::is_json_number;
use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::number::{Decimal, Number};
use crate::value::Value;

use Kinds as K;

const OPERAND: Kinds = K::QUANTITY.and(K::INT);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("quantity", &[K::STRING.and(K::QUANTITY)], Gives::Kinds(K::QUANTITY), quantity),
    Function::new("isQuantity", &[K::STRING], Gives::Kinds(K::BOOL), is_quantity),
    Function::new("isInteger", &[K::QUANTITY], Gives::Kinds(K::BOOL), is_integer),
    Function::new("asInteger", &[K::QUANTITY], Gives::Kinds(K::INT), as_integer),
    Function::new("asApproximateFloat", &[K::QUANTITY], Gives::Kinds(K::DOUBLE), as_approximate_float),
    Function::new("sign", &[K::QUANTITY], Gives::Kinds(K::INT), sign),
    Function::new("add", &[K::QUANTITY, OPERAND], Gives::Kinds(K::QUANTITY), add),
    Function::new("sub", &[K::QUANTITY, OPERAND], Gives::Kinds(K::QUANTITY), sub),
];

/// The steps of reading a quantity.
const STEPS: usize = 2;

/// The decimal that a quantity is.
fn parse(text: &str) -> Option<Decimal> {
    if text.len() > 64 {
        return None;
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if is_json_number(unsigned) {
        return Decimal::parse(unsigned).ok();
    }
    let suffix = unsigned.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, suffix) = unsigned.split_at_checked(suffix)?;
    let factor = match suffix {
        "n" => Decimal { unscaled: 1, scale: 9 },
        "u" => Decimal { unscaled: 1, scale: 6 },
        "m" => Decimal { unscaled: 1, scale: 3 },
        "k" => Decimal::integer(1_000),
        "M" => Decimal::integer(1_000_000),
        "G" => Decimal::integer(1_000_000_000),
        "T" => Decimal::integer(1_000_000_000_000),
        "P" => Decimal::integer(1_000_000_000_000_000),
        "E" => Decimal::integer(1_000_000_000_000_000_000),
        "Ki" => Decimal::integer(1 << 10),
        "Mi" => Decimal::integer(1 << 20),
        "Gi" => Decimal::integer(1 << 30),
        "Ti" => Decimal::integer(1 << 40),
        "Pi" => Decimal::integer(1 << 50),
        "Ei" => Decimal::integer(1 << 60),
        _ => return None,
    };
    is_json_number(number).then(|| Decimal::parse(number).ok()?.multiply(factor).ok()).flatten()
}

fn kept<'a>(call: &Call<'_, 'a>, decimal: Decimal) -> Outcome<'a> {
    call.budget.spend(STEPS)?;
    Ok(Value::Quantity(call.budget.build_text(|out| out.write(|out| decimal.write(out)))?))
}

fn quantity<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [quantity @ Value::Quantity(_)] => Ok(*quantity),
        [Value::String(text)] => {
            let decimal = parse(text).ok_or_else(|| call.refused("the text is not a quantity like 1.5Gi"))?;
            kept(call, decimal)
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn is_quantity<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Bool(parse(text).is_some()))
}

fn decimal<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Result<Decimal, EvaluationErrorKind> {
    call.budget.spend(STEPS)?;
    match arguments {
        [Value::Quantity(text)] => Decimal::parse(text),
        _ => Err(call.mismatch(arguments)),
    }
}

/// The integer that it is; none where it has a fraction, or 64 bits do not hold it.
fn integer(decimal: Decimal) -> Option<i64> {
    let whole = decimal.whole(|quotient, _, _| quotient).ok()?;
    let exact = decimal.subtract(whole).is_ok_and(|rest| rest.unscaled == 0);
    exact.then(|| i64::try_from(whole.unscaled).ok()).flatten()
}

fn is_integer<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(integer(decimal(call, arguments)?).is_some()))
}

fn as_integer<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let integer = integer(decimal(call, arguments)?);
    integer.map(Value::Int).ok_or_else(|| call.refused("the quantity is not an int"))
}

fn as_approximate_float<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Quantity(text)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Double(Number::Decimal(text).to_double()))
}

fn sign<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Int(match decimal(call, arguments)?.unscaled.signum() {
        -1 => -1,
        0 => 0,
        _ => 1,
    }))
}

fn operands<'a>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
) -> Result<(Decimal, Decimal), EvaluationErrorKind> {
    match arguments {
        [Value::Quantity(left), Value::Quantity(right)] => {
            Ok((Decimal::parse(left)?, Decimal::parse(right)?))
        }
        [Value::Quantity(left), Value::Int(right)] => {
            Ok((Decimal::parse(left)?, Decimal::integer((*right).into())))
        }
        _ => Err(call.mismatch(arguments)),
    }
}

fn add<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (left, right) = operands(call, arguments)?;
    kept(call, left.add(right)?)
}

fn sub<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (left, right) = operands(call, arguments)?;
    kept(call, left.subtract(right)?)
}
