//! The order of numbers, whatever their kinds.

use std::cmp::Ordering;

use super::Number;
use super::digits::Digits;

/// The order of two numbers on one number line; none where one of them is NaN.
///
/// It is exact, but for a decimal and a double: the decimal is rounded to the nearest double, so that the 0.1 of a
/// record equals a computed 0.1.
pub(crate) fn compare(left: Number<'_>, right: Number<'_>) -> Option<Ordering> {
    use Number::{Decimal, Double, Int, Uint};
    match (left, right) {
        (Int(left), Int(right)) => Some(left.cmp(&right)),
        (Uint(left), Uint(right)) => Some(left.cmp(&right)),
        (Int(left), Uint(right)) => Some(i128::from(left).cmp(&i128::from(right))),
        (Uint(left), Int(right)) => Some(i128::from(left).cmp(&i128::from(right))),
        (Double(left), Double(right)) => left.partial_cmp(&right),
        (Int(left), Double(right)) => integer_and_double(left.into(), right),
        (Uint(left), Double(right)) => integer_and_double(left.into(), right),
        (Double(left), Int(right)) => integer_and_double(right.into(), left).map(Ordering::reverse),
        (Double(left), Uint(right)) => integer_and_double(right.into(), left).map(Ordering::reverse),
        (Decimal(left), Decimal(right)) if left == right => Some(Ordering::Equal),
        (Double(left), Decimal(_)) => left.partial_cmp(&right.to_double()),
        (Decimal(_), Double(right)) => left.to_double().partial_cmp(&right),
        (Decimal(_) | Int(_) | Uint(_), Decimal(_) | Int(_) | Uint(_)) => {
            let (mut first, mut second) = ([0; 20], [0; 20]);
            Some(digits(left, &mut first).compare(digits(right, &mut second)))
        }
    }
}

fn digits<'b>(number: Number<'b>, buffer: &'b mut [u8; 20]) -> Digits<'b> {
    match number {
        Number::Int(number) => Digits::of_integer(number < 0, number.unsigned_abs(), buffer),
        Number::Uint(number) => Digits::of_integer(false, number, buffer),
        Number::Decimal(text) => Digits::of_text(text),
        Number::Double(_) => Digits::of_integer(false, 0, buffer),
    }
}

fn integer_and_double(integer: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // The cast saturates, far beyond every integer of 64 bits.
    let whole = double.trunc() as i128;
    Some(integer.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Number::{Decimal, Double, Int, Uint};
    use super::*;

    #[test]
    fn numbers_of_all_kinds_are_on_one_line() {
        for (left, right, order) in [
            (Int(6), Double(6.0), Ordering::Equal),
            (Int(6), Decimal("6.0"), Ordering::Equal),
            (Uint(6), Decimal("6e0"), Ordering::Equal),
            (Int(-1), Uint(u64::MAX), Ordering::Less),
            (Int(i64::MAX), Uint(1 << 63), Ordering::Less),
            (Decimal("18446744073709551615"), Uint(u64::MAX), Ordering::Equal),
            (Decimal("18446744073709551616"), Uint(u64::MAX), Ordering::Greater),
            (Decimal("-9223372036854775809"), Int(i64::MIN), Ordering::Less),
            (Int(i64::MAX), Double(9_223_372_036_854_775_807.0), Ordering::Less),
            (Int(9_007_199_254_740_993), Double(9_007_199_254_740_992.0), Ordering::Greater),
            (Int(-3), Double(-2.5), Ordering::Less),
            (Int(-2), Double(-2.5), Ordering::Greater),
            (Int(i64::MAX), Double(f64::INFINITY), Ordering::Less),
            (Int(0), Double(-0.0), Ordering::Equal),
            (Decimal("0.1"), Double(0.1), Ordering::Equal),
            (Decimal("0.10"), Decimal("0.1"), Ordering::Equal),
            (Decimal("-0.0"), Int(0), Ordering::Equal),
            (Decimal("1e2"), Int(100), Ordering::Equal),
            (Decimal("100e-2"), Int(1), Ordering::Equal),
            (Decimal("0.001E3"), Int(1), Ordering::Equal),
            (Decimal("0.0009e3"), Int(1), Ordering::Less),
            (Decimal("1e99999999999999999999"), Int(i64::MAX), Ordering::Greater),
            (Decimal("1e-99999999999999999999"), Int(0), Ordering::Greater),
            (Decimal("-1e-99999999999999999999"), Int(0), Ordering::Less),
            (Decimal("0e99999999999999999999"), Int(0), Ordering::Equal),
            (
                Decimal("123456789012345678901234567890.1"),
                Decimal("123456789012345678901234567890.2"),
                Ordering::Less,
            ),
        ] {
            assert_eq!(compare(left, right), Some(order), "{left:?} and {right:?}");
            assert_eq!(compare(right, left), Some(order.reverse()), "{right:?} and {left:?}");
        }
        for number in [Int(1), Uint(1), Double(1.0), Decimal("1.5"), Double(f64::NAN)] {
            assert_eq!(compare(number, Double(f64::NAN)), None, "{number:?}");
        }
    }

    proptest! {
        #[test]
        fn decimals_are_in_the_order_of_their_values(left in any::<i64>(), right in any::<i64>(), scale in 0_usize..20) {
            let written = |number: i64| {
                let digits = format!("{:0>20}", number.unsigned_abs());
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                format!("{}0{whole}.{fraction}0", if number < 0 { "-" } else { "" })
            };
            let (first, second) = (written(left), written(right));
            prop_assert_eq!(compare(Decimal(&first), Decimal(&second)), Some(left.cmp(&right)));
            let exponent = format!("{left}e-{scale}");
            prop_assert_eq!(compare(Decimal(&first), Decimal(&exponent)), Some(Ordering::Equal));
            let integer = left.to_string();
            prop_assert_eq!(compare(Decimal(&integer), Int(right)), Some(left.cmp(&right)));
        }
    }
}
