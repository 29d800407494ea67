//! Exact arithmetic with decimals.

use std::fmt::Write;

use super::digits::parsed_exponent;
use crate::evaluation_error::EvaluationErrorKind;
use crate::limits::MAX_DIGITS;

/// A decimal: `unscaled` × 10^-`scale`, with at most 38 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) unscaled: i128,
    pub(crate) scale: i32,
}

/// The largest number of 38 digits.
const MAX: i128 = 10_i128.pow(38) - 1;
/// Scales stay within this, so that sums of them do not overflow.
const MAX_SCALE: i64 = 100_000;

const TOO_MANY_DIGITS: EvaluationErrorKind = EvaluationErrorKind::TooManyDigits;

impl Decimal {
    /// An integer.
    pub(crate) fn integer(number: i128) -> Self {
        Self { unscaled: number, scale: 0 }
    }

    /// Reads a number as JSON writes it; the digits before the point may be left out.
    pub(crate) fn parse(text: &str) -> Result<Self, EvaluationErrorKind> {
        if text.len() > MAX_DIGITS {
            return Err(TOO_MANY_DIGITS);
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let mut unscaled: i128 = 0;
        let mut fraction = None;
        for byte in mantissa.bytes() {
            match byte {
                b'0'..=b'9' => {
                    let digit = i128::from(byte - b'0');
                    unscaled = unscaled
                        .checked_mul(10)
                        .and_then(|tens| tens.checked_add(digit))
                        .filter(|number| *number <= MAX)
                        .ok_or(TOO_MANY_DIGITS)?;
                    fraction = fraction.map(|places: i64| places + 1);
                }
                b'.' => fraction = Some(0),
                _ => {}
            }
        }
        let scale = fraction.unwrap_or_default().saturating_sub(parsed_exponent(exponent));
        let unscaled = if mantissa.starts_with('-') { -unscaled } else { unscaled };
        Self::new(unscaled, scale)
    }

    fn new(unscaled: i128, scale: i64) -> Result<Self, EvaluationErrorKind> {
        if unscaled.unsigned_abs() > MAX.unsigned_abs() || scale.abs() > MAX_SCALE {
            return Err(TOO_MANY_DIGITS);
        }
        Ok(Self { unscaled, scale: i32::try_from(scale).map_err(|_| TOO_MANY_DIGITS)? })
    }

    /// Whether it has neither a fraction nor an exponent.
    pub(crate) fn is_integer(self) -> bool {
        self.scale == 0
    }

    /// The same number with more digits behind the point.
    fn rescaled(self, scale: i32) -> Result<i128, EvaluationErrorKind> {
        let digits = u32::try_from(scale - self.scale).map_err(|_| TOO_MANY_DIGITS)?;
        let factor = 10_i128.checked_pow(digits);
        match factor {
            _ if self.unscaled == 0 => Ok(0),
            Some(factor) => self.unscaled.checked_mul(factor).ok_or(TOO_MANY_DIGITS),
            None => Err(TOO_MANY_DIGITS),
        }
    }

    pub(crate) fn add(self, other: Self) -> Result<Self, EvaluationErrorKind> {
        let scale = self.scale.max(other.scale);
        let sum = self.rescaled(scale)?.checked_add(other.rescaled(scale)?).ok_or(TOO_MANY_DIGITS)?;
        Self::new(sum, scale.into())
    }

    pub(crate) fn subtract(self, other: Self) -> Result<Self, EvaluationErrorKind> {
        self.add(Self { unscaled: -other.unscaled, ..other })
    }

    pub(crate) fn multiply(self, other: Self) -> Result<Self, EvaluationErrorKind> {
        let product = self.unscaled.checked_mul(other.unscaled).ok_or(TOO_MANY_DIGITS)?;
        Self::new(product, i64::from(self.scale) + i64::from(other.scale))
    }

    /// The whole number of 10^`places` behind the point that `round` chooses: it is given the quotient that is cut
    /// towards zero, the remainder, and what it is a part of.
    pub(crate) fn whole(
        self,
        round: impl FnOnce(i128, i128, i128) -> i128,
    ) -> Result<Self, EvaluationErrorKind> {
        if self.scale <= 0 {
            return Ok(Self::integer(self.rescaled(0)?));
        }
        let divisor = u32::try_from(self.scale).ok().and_then(|digits| 10_i128.checked_pow(digits));
        let Some(divisor) = divisor else {
            // So many places are more than the digits are.
            return Ok(Self::integer(round(0, self.unscaled.signum(), 4)));
        };
        Ok(Self::integer(round(self.unscaled / divisor, self.unscaled % divisor, divisor)))
    }

    /// Writes it as JSON does: plain where that takes no zeros at the end that it does not have, or few.
    pub(crate) fn write(self, out: &mut String) {
        if self.unscaled < 0 {
            out.push('-');
        }
        let digits = self.unscaled.unsigned_abs().to_string();
        let length = i64::try_from(digits.len()).unwrap_or_default();
        let scale = i64::from(self.scale);
        match length - scale {
            _ if scale == 0 => out.push_str(&digits),
            point @ 1.. if scale > 0 => {
                let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
                let _ = write!(out, "{whole}.{fraction}");
            }
            point @ -6..=0 => {
                let zeros = usize::try_from(-point).unwrap_or_default();
                let _ = write!(out, "0.{:0<zeros$}{digits}", "");
            }
            point @ 1..=38 => {
                let width = usize::try_from(point).unwrap_or_default();
                let _ = write!(out, "{digits:0<width$}");
            }
            point => {
                let (first, others) = digits.split_at(1);
                let separator = if others.is_empty() { "" } else { "." };
                let _ = write!(out, "{first}{separator}{others}e{:+}", point - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn written(decimal: Decimal) -> String {
        let mut out = String::new();
        decimal.write(&mut out);
        out
    }

    #[test]
    fn sums_and_products_are_exact() {
        for (left, right, sum, product) in [
            ("0.1", "0.2", "0.3", "0.02"),
            ("1.10", "1", "2.10", "1.10"),
            ("19.99", "1.19", "21.18", "23.7881"),
            ("12345678901234567.89", "-0.01", "12345678901234567.88", "-123456789012345.6789"),
            ("1e3", "0.5", "1000.5", "500"),
            ("18446744073709551615", "1", "18446744073709551616", "18446744073709551615"),
            ("-1.5", "1.5", "0.0", "-2.25"),
            (".5", "1", "1.5", "0.5"),
        ] {
            assert_eq!(
                decimal(left).add(decimal(right)).map(written).as_deref(),
                Ok(sum),
                "{left} + {right}"
            );
            let product_of = decimal(left).multiply(decimal(right)).map(written);
            assert_eq!(product_of.as_deref(), Ok(product), "{left} * {right}");
        }
        assert_eq!(decimal("2.5").subtract(decimal("0.25")).map(written).as_deref(), Ok("2.25"));
    }

    #[test]
    fn more_than_38_digits_are_an_error() {
        let most = "9".repeat(38);
        assert_eq!(written(decimal(&most)), most);
        assert_eq!(Decimal::parse(&format!("1{most}")), Err(TOO_MANY_DIGITS));
        assert_eq!(decimal(&most).add(decimal("1")), Err(TOO_MANY_DIGITS));
        assert_eq!(decimal(&most).multiply(decimal("10")), Err(TOO_MANY_DIGITS));
        assert_eq!(decimal("1e300").add(decimal("1")), Err(TOO_MANY_DIGITS));
        assert_eq!(decimal("0e300").add(decimal("1")).map(written).as_deref(), Ok("1"));
        assert_eq!(Decimal::parse("1e99999999999999999999"), Err(TOO_MANY_DIGITS));
    }

    #[test]
    fn a_decimal_is_written_as_json_writes_it() {
        for (unscaled, scale, expected) in [
            (0, 0, "0"),
            (-5, 0, "-5"),
            (150, 2, "1.50"),
            (5, 1, "0.5"),
            (-5, 3, "-0.005"),
            (5, 7, "0.0000005"),
            (5, 8, "5e-8"),
            (15, 9, "1.5e-8"),
            (2, -3, "2000"),
            (2, -38, "2e+38"),
        ] {
            assert_eq!(written(Decimal { unscaled, scale }), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(unscaled in -MAX..=MAX, scale in -60_i32..60) {
            let read = decimal(&written(Decimal { unscaled, scale }));
            let same = read == Decimal { unscaled, scale }
                || (scale < 0 && Decimal { unscaled, scale }.rescaled(0) == read.rescaled(0));
            prop_assert!(same, "{read:?}");
        }
    }
}
