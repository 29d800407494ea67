//! Exact decimal numbers: `unscaled` × 10^-`scale`.
//!
//! Parses the number grammar of JSON, with at most 38 significant digits and the exponents of IEEE 754 decimal128.
//! Writes as `java.math.BigDecimal.toString`. Both keep the scale: `1.50` is 150 with scale 2.

use std::ops::RangeInclusive;

/// The largest number of significant digits: what fits 128 bits, and the limit of SQL's `decimal(38, s)`.
pub(crate) const MAX_DIGITS: u32 = 38;

/// The valid scales: those of IEEE 754 decimal128. Without a limit, a reader that expands the exponent could run out of
/// memory.
pub(crate) const SCALES: RangeInclusive<i32> = -6_111..=6_176;

/// Why a text is not a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// It does not follow the number grammar of JSON.
    #[error("not a decimal number")]
    Syntax,
    /// It has more than 38 significant digits.
    #[error("more than 38 digits")]
    TooManyDigits,
    /// Its exponent is out of the range of IEEE 754 decimal128.
    #[error("an exponent outside of -6176 to 6111")]
    ExponentOutOfRange,
}

/// Parses a number as (unscaled, scale).
pub(crate) fn read(text: &str) -> Result<(i128, i32), DecimalError> {
    let bytes = text.as_bytes();
    let (negative, bytes) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let mut unscaled = Unscaled::default();
    let (integer, rest) = digits(bytes);
    if integer.is_empty() || (integer.len() > 1 && integer.first() == Some(&b'0')) {
        return Err(DecimalError::Syntax);
    }
    unscaled.push(integer);
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let (fraction, rest) = digits(rest);
            if fraction.is_empty() {
                return Err(DecimalError::Syntax);
            }
            (fraction, rest)
        }
        None => (&b""[..], rest),
    };
    unscaled.push(fraction);
    let exponent = read_exponent(rest)?;
    let magnitude = unscaled.value.ok_or(DecimalError::TooManyDigits)?;
    let fraction = i64::try_from(fraction.len()).map_err(|_| DecimalError::ExponentOutOfRange)?;
    let scale = i32::try_from(fraction.saturating_sub(exponent))
        .ok()
        .filter(|scale| SCALES.contains(scale))
        .ok_or(DecimalError::ExponentOutOfRange)?;
    Ok((if negative { -magnitude } else { magnitude }, scale))
}

struct Unscaled {
    /// `None` after more than [`MAX_DIGITS`] digits.
    value: Option<i128>,
    digits: u32,
}

impl Default for Unscaled {
    fn default() -> Self {
        Self { value: Some(0), digits: 0 }
    }
}

impl Unscaled {
    fn push(&mut self, digits: &[u8]) {
        for digit in digits {
            let digit = i128::from(digit - b'0');
            self.digits = if self.digits == 0 && digit == 0 { 0 } else { self.digits.saturating_add(1) };
            self.value = match self.value {
                Some(value) if self.digits <= MAX_DIGITS => Some(value * 10 + digit),
                _ => None,
            };
        }
    }
}

/// The leading ASCII digits, and the rest.
fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.split_at_checked(length).unwrap_or((bytes, b""))
}

fn read_exponent(bytes: &[u8]) -> Result<i64, DecimalError> {
    let signed = match bytes {
        [] => return Ok(0),
        [b'e' | b'E', signed @ ..] => signed,
        _ => return Err(DecimalError::Syntax),
    };
    let (negative, number) = match signed {
        [b'-', number @ ..] => (true, number),
        [b'+', number @ ..] | number => (false, number),
    };
    let (number, []) = digits(number) else {
        return Err(DecimalError::Syntax);
    };
    if number.is_empty() {
        return Err(DecimalError::Syntax);
    }
    let magnitude = number
        .iter()
        .fold(0_i64, |magnitude, digit| magnitude.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Ok(if negative { -magnitude } else { magnitude })
}

/// Appends the text form.
pub(crate) fn write(out: &mut Vec<u8>, unscaled: i128, scale: i32) {
    if unscaled < 0 {
        out.push(b'-');
    }
    // A 128-bit integer has at most 39 digits.
    let mut reversed = [b'0'; 39];
    let mut length = 0;
    let mut rest = unscaled.unsigned_abs();
    for place in &mut reversed {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    let digits = reversed.iter().take(length).rev();
    // The exponent of the first digit.
    let adjusted = length as i64 - 1 - i64::from(scale);
    if scale >= 0 && adjusted >= -6 {
        // The bound above keeps this below 46.
        let scale = scale.unsigned_abs() as usize;
        if scale >= length {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', scale - length));
            out.extend(digits);
        } else {
            out.extend(digits.clone().take(length - scale));
            if scale > 0 {
                out.push(b'.');
                out.extend(digits.skip(length - scale));
            }
        }
        return;
    }
    for (position, digit) in digits.enumerate() {
        if position == 1 {
            out.push(b'.');
        }
        out.push(*digit);
    }
    if adjusted != 0 {
        out.push(b'E');
        out.push(if adjusted < 0 { b'-' } else { b'+' });
        let mut buffer = itoa::Buffer::new();
        out.extend_from_slice(buffer.format(adjusted.unsigned_abs()).as_bytes());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest number of [`MAX_DIGITS`] digits.
    pub(crate) const MAX: i128 = 10_i128.pow(MAX_DIGITS) - 1;

    fn written(unscaled: i128, scale: i32) -> String {
        let mut out = Vec::new();
        write(&mut out, unscaled, scale);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_parsed_exactly() {
        for (text, expected) in [
            ("0", (0, 0)),
            ("-0", (0, 0)),
            ("0.00", (0, 2)),
            ("1.50", (150, 2)),
            ("-1.50", (-150, 2)),
            ("0.1", (1, 1)),
            ("1e3", (1, -3)),
            ("1E+3", (1, -3)),
            ("1.5e3", (15, -2)),
            ("1.5e-3", (15, 4)),
            ("0.000000000000000000000000000000000000000000000000001", (1, 51)),
            ("12345678901234567890.123456789012345678", (MAX_EXAMPLE, 18)),
            ("99999999999999999999999999999999999999", (MAX, 0)),
            ("-99999999999999999999999999999999999999", (-MAX, 0)),
            ("1e6111", (1, -6_111)),
            ("1e-6176", (1, 6_176)),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }
    const MAX_EXAMPLE: i128 = 12_345_678_901_234_567_890_123_456_789_012_345_678;

    #[test]
    fn invalid_numbers_are_refused() {
        for text in [
            "", "-", "+1", "--1", ".5", "5.", "1.e3", "01", "-01", "1e", "1e+", "1e1.5", "1 ", " 1", "1,5",
            "1_000", "0x10", "NaN", "Infinity", "1.2.3", "１",
        ] {
            assert_eq!(read(text), Err(DecimalError::Syntax), "{text}");
        }
        for text in ["100000000000000000000000000000000000000", "0.100000000000000000000000000000000000000"] {
            assert_eq!(read(text), Err(DecimalError::TooManyDigits), "{text}");
        }
        for text in
            ["1e6112", "1e-6177", "1e99999999999999999999999999", "1e-99999999999999999999999999", "0e9999"]
        {
            assert_eq!(read(text), Err(DecimalError::ExponentOutOfRange), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_in_java() {
        for ((unscaled, scale), text) in [
            ((0, 0), "0"),
            ((0, 2), "0.00"),
            ((123, 0), "123"),
            ((-123, 0), "-123"),
            ((123, -1), "1.23E+3"),
            ((123, -3), "1.23E+5"),
            ((123, 1), "12.3"),
            ((123, 5), "0.00123"),
            ((123, 10), "1.23E-8"),
            ((-123, 12), "-1.23E-10"),
            ((1, 6), "0.000001"),
            ((1, 7), "1E-7"),
            ((0, 8), "0E-8"),
            ((1, -1), "1E+1"),
            ((i128::MIN, 0), "-170141183460469231731687303715884105728"),
            ((1, i32::MIN), "1E+2147483648"),
        ] {
            assert_eq!(written(unscaled, scale), text);
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back_unchanged(unscaled in -MAX..=MAX, scale in SCALES) {
            prop_assert_eq!(read(&written(unscaled, scale)), Ok((unscaled, scale)));
        }

        #[test]
        fn small_numbers_read_back_unchanged(unscaled in -1_000_i128..1_000, scale in -50..50) {
            prop_assert_eq!(read(&written(unscaled, scale)), Ok((unscaled, scale)));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[0-9eE.+-]{0,60}|\\PC{0,40}") {
            let _ = read(&text);
        }
    }
}
