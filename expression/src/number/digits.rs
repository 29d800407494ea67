//! The digits of a number, for a comparison that no length of it bends.

use std::cmp::Ordering;

/// A number as its sign, its significant digits and the place of its point.
#[derive(Clone, Copy)]
pub(super) struct Digits<'a> {
    negative: bool,
    /// Digits before the point, and behind it. There is no zero in front of both.
    whole: &'a [u8],
    fraction: &'a [u8],
    /// The number is 0.d₁d₂d₃… × 10^`magnitude`.
    magnitude: i64,
}

impl<'a> Digits<'a> {
    /// The digits of a number in JSON. Anything else is read as far as it is a number.
    pub(super) fn of_text(text: &'a str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = without_zeros(whole.as_bytes());
        let significant =
            if whole.is_empty() { without_zeros(fraction.as_bytes()) } else { fraction.as_bytes() };
        let point = if whole.is_empty() {
            -length(fraction.as_bytes()).saturating_sub(length(significant))
        } else {
            length(whole)
        };
        let magnitude = point.saturating_add(parsed_exponent(exponent));
        Self { negative, whole, fraction: significant, magnitude }
    }

    /// The digits of an integer, written into `buffer`.
    pub(super) fn of_integer(negative: bool, mut magnitude: u64, buffer: &'a mut [u8; 20]) -> Self {
        let mut start = buffer.len();
        for slot in buffer.iter_mut().rev() {
            if magnitude == 0 {
                break;
            }
            *slot = b'0' + (magnitude % 10) as u8;
            magnitude /= 10;
            start -= 1;
        }
        let whole = buffer.get(start..).unwrap_or_default();
        Self { negative, whole, fraction: &[], magnitude: length(whole) }
    }

    fn is_zero(self) -> bool {
        self.iter().all(|digit| digit == b'0')
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    /// The order of two numbers.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return if other.negative { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if self.negative { Ordering::Less } else { Ordering::Greater },
            (false, false) => {}
        }
        match (self.negative, other.negative) {
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    fn compare_magnitude(self, other: Self) -> Ordering {
        let by_magnitude = self.magnitude.cmp(&other.magnitude);
        let (mut left, mut right) = (self.iter(), other.iter());
        by_magnitude.then_with(|| {
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (left, right) => match left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        order => return order,
                    },
                }
            }
        })
    }
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

/// An exponent; one that 64 bits do not hold is the greatest, or the smallest, that they do.
pub(super) fn parsed_exponent(text: &str) -> i64 {
    let text = text.strip_prefix('+').unwrap_or(text);
    let limit = if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    text.parse().unwrap_or(limit)
}
