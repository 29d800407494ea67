//! Durations: `10s`, `2m`, `1h30m`, `500ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The pattern in the schema: GEP-2257, the subset of Go's durations that every language parses alike.
pub const DURATION_PATTERN: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// A duration in the syntax of GEP-2257: one to four groups of at most five digits and a unit, `h`, `m`, `s` or `ms`.
/// Its precision is a millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(Duration);

impl GoDuration {
    /// A duration of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A duration of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration as a type of the standard library.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Self {
        duration.0
    }
}

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text is empty.
    #[error("a duration is missing: write a number and a unit, for example 10s")]
    Empty,
    /// A group does not start with a digit.
    #[error("expected a number in a duration such as 10s, 500ms or 1h30m")]
    MissingNumber,
    /// A number has no unit.
    #[error("a number in a duration needs a unit: h, m, s or ms, for example 10s")]
    MissingUnit,
    /// A unit is unknown.
    #[error("the units of a duration are h, m, s and ms; a day is 24h")]
    UnknownUnit,
    /// A number has more than five digits, or there are more than four groups.
    #[error("a duration has at most four groups of at most five digits, for example 1h30m")]
    TooLong,
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(DurationError::Empty);
        }
        let mut rest = text;
        let mut total = Duration::ZERO;
        let mut groups = 0;
        while !rest.is_empty() {
            let (number, tail) = split_digits(rest);
            if number.is_empty() {
                return Err(DurationError::MissingNumber);
            }
            let (unit, tail) = split_unit(tail);
            groups += 1;
            if number.len() > 5 || groups > 4 {
                return Err(DurationError::TooLong);
            }
            let number: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
            total += match unit {
                "h" => Duration::from_secs(number * 3600),
                "m" => Duration::from_secs(number * 60),
                "s" => Duration::from_secs(number),
                "ms" => Duration::from_millis(number),
                "" => return Err(DurationError::MissingUnit),
                _ => return Err(DurationError::UnknownUnit),
            };
            rest = tail;
        }
        Ok(Self(total))
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len()))
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_millis() == 0 {
            return f.write_str("0s");
        }
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 3600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (u64::from(self.0.subsec_millis()), "ms"),
        ];
        parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": DURATION_PATTERN, "maxLength": 32})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn duration_is_the_sum_of_its_groups() {
        for (text, millis) in [
            ("0s", 0),
            ("10s", 10_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1m1m", 120_000),
            ("2h45m30s500ms", 9_930_500),
            ("99999h", 359_996_400_000),
        ] {
            assert_eq!(text.parse(), Ok(GoDuration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn malformed_duration_is_refused_with_the_reason() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("s", DurationError::MissingNumber),
            ("-5s", DurationError::MissingNumber),
            (" 5s", DurationError::MissingNumber),
            ("10", DurationError::MissingUnit),
            ("1h30", DurationError::MissingUnit),
            ("1.5h", DurationError::UnknownUnit),
            ("1d", DurationError::UnknownUnit),
            ("1S", DurationError::UnknownUnit),
            ("5s ", DurationError::UnknownUnit),
            ("123456s", DurationError::TooLong),
            ("1h1h1h1h1h", DurationError::TooLong),
        ] {
            assert_eq!(text.parse::<GoDuration>(), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printed_duration_is_parsed_as_itself(millis in 0_u64..359_000_000_000) {
            let duration = GoDuration::from_millis(millis);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn parser_and_schema_pattern_agree(text in "([0-9]{0,6}(h|m|s|ms|d|)){0,5}") {
            let pattern = regex::Regex::new(DURATION_PATTERN).unwrap();
            prop_assert_eq!(pattern.is_match(&text), text.parse::<GoDuration>().is_ok(), "{}", text);
        }
    }
}
