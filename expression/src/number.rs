//! Numbers of all kinds on one line: order, equality and arithmetic across kinds.

mod arithmetic;
mod decimal;
mod digits;
mod order;

pub(super) use arithmetic::{Arithmetic, Outcome, arithmetic, negated};
pub(super) use decimal::Decimal;
pub(super) use order::compare;

/// A number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    Int(i64),
    Uint(u64),
    Double(f64),
    /// The text of a number as JSON writes it.
    Decimal(&'a str),
}

impl Number<'_> {
    /// The nearest double, which is infinite for a number beyond all doubles.
    pub(super) fn to_double(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Uint(number) => number as f64,
            Self::Double(number) => number,
            Self::Decimal(text) => text.parse().unwrap_or(f64::NAN),
        }
    }
}
