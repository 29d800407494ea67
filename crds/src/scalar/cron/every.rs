//! The duration of `@every`, in the syntax of Go's `time.ParseDuration`.

use std::time::Duration;

/// Why a text is not the duration of `@every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EveryError {
    /// It is not a sequence of numbers and units.
    #[error("@every needs a duration such as 1h30m, with the units h, m, s, ms, us and ns")]
    Malformed,
    /// It is longer than the longest duration of Go.
    #[error("the duration of @every is longer than 292 years")]
    TooLong,
}

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Parses a duration. As in robfig/cron, fractions of a second are dropped, and less than a second is one second.
pub(super) fn parse(text: &str) -> Result<Duration, EveryError> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut total: u128 = 0;
    if rest.is_empty() {
        return Err(EveryError::Malformed);
    }
    // Zero is the only number without a unit.
    if rest == "0" {
        rest = "";
    }
    while !rest.is_empty() {
        let (number, tail) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, tail) = split(tail, |c| !c.is_ascii_digit() && c != '.');
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(EveryError::Malformed)?;
        total = total.checked_add(nanoseconds(number, *scale)?).ok_or(EveryError::TooLong)?;
        rest = tail;
    }
    if total > i64::MAX as u128 {
        return Err(EveryError::TooLong);
    }
    // A negative duration is less than a second.
    if negative {
        return Ok(Duration::from_secs(1));
    }
    let seconds = u64::try_from(total / 1_000_000_000).map_err(|_| EveryError::TooLong)?;
    Ok(Duration::from_secs(seconds.max(1)))
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// A number with or without a fraction. Digits below a nanosecond are dropped.
fn nanoseconds(number: &str, scale: u128) -> Result<u128, EveryError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(EveryError::Malformed);
    }
    let digits = |text: &str| -> Result<u128, EveryError> {
        if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| EveryError::TooLong) }
    };
    let whole = digits(whole)?.checked_mul(scale).ok_or(EveryError::TooLong)?;
    let fraction = fraction.get(..fraction.len().min(15)).unwrap_or_default();
    let places = u32::try_from(fraction.len()).map_err(|_| EveryError::Malformed)?;
    let part = digits(fraction)? * scale / 10_u128.pow(places);
    whole.checked_add(part).ok_or(EveryError::TooLong)
}
