//! Timestamps as RFC 3339 texts, in milliseconds since the Unix epoch.
//!
//! Parses any offset from UTC, with `T`, `t` or a space between date and time, and up to nine digits of fraction, which
//! are truncated to milliseconds. Writes UTC with `Z` and three digits of fraction: `2018-10-21T00:27:38.583Z`.

use std::ops::RangeInclusive;

use super::{date, digits};

/// The range of RFC 3339 in UTC, in milliseconds since the Unix epoch: the years 0000 to 9999.
pub(crate) const RANGE: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

const MILLISECONDS_PER_SECOND: i64 = 1_000;
const SECONDS_PER_MINUTE: i64 = 60;
const SECONDS_PER_HOUR: i64 = 3_600;
const SECONDS_PER_DAY: i64 = 86_400;
const MILLISECONDS_PER_DAY: i64 = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
const MAX_FRACTION_DIGITS: usize = 9;

/// Why a text is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It does not follow RFC 3339, has more than nine digits of fraction, or names a day or time that does not exist.
    #[error("not an RFC 3339 timestamp")]
    Syntax,
    /// The second is 60, which Unix time does not represent.
    #[error("a leap second has no Unix time")]
    LeapSecond,
    /// It is outside of the years 0000 to 9999 in UTC.
    #[error("outside of the years 0000 to 9999 in UTC")]
    OutOfRange,
}

/// Parses a timestamp.
pub(crate) fn read(text: &str) -> Result<i64, TimestampError> {
    read_parts(text.as_bytes()).map(|(milliseconds, _)| milliseconds)
}

/// Parses the calendar day of a timestamp in the offset of the text, as days since the Unix epoch.
pub(crate) fn read_local_day(text: &str) -> Result<i32, TimestampError> {
    read_parts(text.as_bytes()).map(|(_, days)| days)
}

fn read_parts(bytes: &[u8]) -> Result<(i64, i32), TimestampError> {
    let days = date::read_prefix(bytes).ok_or(TimestampError::Syntax)?;
    let (seconds_of_day, rest) =
        bytes.get(date::LENGTH..).and_then(read_time).ok_or(TimestampError::Syntax)?;
    let (milliseconds, rest) = read_fraction(rest).ok_or(TimestampError::Syntax)?;
    let offset = read_offset(rest).ok_or(TimestampError::Syntax)?;
    let seconds_of_day = match seconds_of_day {
        TimeOfDay::Seconds(seconds) => seconds,
        TimeOfDay::LeapSecond => return Err(TimestampError::LeapSecond),
    };
    let seconds = i64::from(days) * SECONDS_PER_DAY + seconds_of_day - offset;
    let milliseconds = seconds * MILLISECONDS_PER_SECOND + milliseconds;
    if RANGE.contains(&milliseconds) { Ok((milliseconds, days)) } else { Err(TimestampError::OutOfRange) }
}

enum TimeOfDay {
    Seconds(i64),
    LeapSecond,
}

/// Parses `THH:MM:SS` and returns the rest.
fn read_time(bytes: &[u8]) -> Option<(TimeOfDay, &[u8])> {
    let (time, rest) = bytes.split_at_checked(9)?;
    let [b'T' | b't' | b' ', _, _, b':', _, _, b':', _, _] = time else {
        return None;
    };
    let hours = digits::number(time, 1, 2).filter(|hours| *hours < 24)?;
    let minutes = digits::number(time, 4, 2).filter(|minutes| *minutes < 60)?;
    let seconds = digits::number(time, 7, 2).filter(|seconds| *seconds <= 60)?;
    if seconds == 60 {
        return Some((TimeOfDay::LeapSecond, rest));
    }
    let seconds =
        i64::from(hours) * SECONDS_PER_HOUR + i64::from(minutes) * SECONDS_PER_MINUTE + i64::from(seconds);
    Some((TimeOfDay::Seconds(seconds), rest))
}

/// Parses the milliseconds of an optional `.123456789` and returns the rest. Truncates smaller units, so that the
/// result is never later than the text.
fn read_fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some(fraction) = bytes.strip_prefix(b".") else {
        return Some((0, bytes));
    };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 || length > MAX_FRACTION_DIGITS {
        return None;
    }
    let kept = digits::number(fraction, 0, length.min(3))?;
    let milliseconds = match length {
        1 => kept * 100,
        2 => kept * 10,
        _ => kept,
    };
    Some((i64::from(milliseconds), fraction.get(length..)?))
}

/// Parses `Z` or `±HH:MM` as seconds ahead of UTC. `None` when anything follows.
fn read_offset(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let hours = digits::number(bytes, 1, 2).filter(|hours| *hours < 24)?;
            let minutes = digits::number(bytes, 4, 2).filter(|minutes| *minutes < 60)?;
            let seconds = i64::from(hours) * SECONDS_PER_HOUR + i64::from(minutes) * SECONDS_PER_MINUTE;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// Appends the text form. `None`, with nothing appended, for a timestamp outside of [`RANGE`].
pub(crate) fn write(out: &mut Vec<u8>, milliseconds: i64) -> Option<()> {
    let days = i32::try_from(milliseconds.div_euclid(MILLISECONDS_PER_DAY)).ok()?;
    let of_day = u32::try_from(milliseconds.rem_euclid(MILLISECONDS_PER_DAY)).ok()?;
    let seconds = of_day / 1_000;
    let mut time = *b"T00:00:00.000Z";
    digits::fill(&mut time[1..3], seconds / 3_600);
    digits::fill(&mut time[4..6], seconds / 60 % 60);
    digits::fill(&mut time[7..9], seconds % 60);
    digits::fill(&mut time[10..13], of_day % 1_000);
    out.extend_from_slice(&date::text(days)?);
    out.extend_from_slice(&time);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(milliseconds: i64) -> Option<String> {
        let mut out = Vec::new();
        write(&mut out, milliseconds)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_form_of_rfc_3339_is_parsed() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2018-10-21T00:27:38.583Z", 1_540_081_658_583),
            ("2018-10-21t00:27:38.583z", 1_540_081_658_583),
            ("2018-10-21 00:27:38.583Z", 1_540_081_658_583),
            ("2018-10-21T02:27:38.583+02:00", 1_540_081_658_583),
            ("2018-10-20T17:57:38.583-06:30", 1_540_081_658_583),
            ("2018-10-21T00:27:38.583-00:00", 1_540_081_658_583),
            ("1970-01-01T00:00:00.5Z", 500),
            ("1970-01-01T00:00:00.05Z", 50),
            ("1970-01-01T00:00:00.123999999Z", 123),
            ("0000-01-01T00:00:00Z", *RANGE.start()),
            ("9999-12-31T23:59:59.999Z", *RANGE.end()),
        ] {
            assert_eq!(read(text), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn fractions_of_a_millisecond_are_truncated_to_the_past() {
        assert_eq!(read("1969-12-31T23:59:59.9999Z"), Ok(-1));
        assert_eq!(read("1969-12-31T23:59:59.9990Z"), Ok(-1));
        assert_eq!(read("1969-12-31T23:59:59.0001Z"), Ok(-1_000));
    }

    #[test]
    fn invalid_timestamps_are_refused() {
        for text in [
            "",
            "2018-10-21",
            "2018-10-21T00:27Z",
            "2018-10-21T00:27:38",
            "2018-10-21T00:27:38.Z",
            "2018-10-21T00:27:38,5Z",
            "2018-10-21T00:27:38.1234567890Z",
            "2018-10-21T24:00:00Z",
            "2018-10-21T00:60:00Z",
            "2018-10-21T00:00:61Z",
            "2018-02-30T00:00:00Z",
            "2018-10-21T00:27:38+02",
            "2018-10-21T00:27:38+0200",
            "2018-10-21T00:27:38+24:00",
            "2018-10-21T00:27:38+02:00[Europe/Paris]",
            "20181021T002738Z",
            "2018-10-21T00:27:38Z ",
            "2018-10-21T00:27:38ZZ",
            "1540081658583",
        ] {
            assert_eq!(read(text), Err(TimestampError::Syntax), "{text}");
        }
        assert_eq!(read("2016-12-31T23:59:60Z"), Err(TimestampError::LeapSecond));
        assert_eq!(read("0000-01-01T00:00:00+00:01"), Err(TimestampError::OutOfRange));
        assert_eq!(read("9999-12-31T23:59:59-00:01"), Err(TimestampError::OutOfRange));
    }

    #[test]
    fn local_day_is_in_the_offset_of_the_text() {
        assert_eq!(read_local_day("1970-01-02T00:30:00+01:00"), Ok(1));
        assert_eq!(read_local_day("1970-01-01T23:30:00-01:00"), Ok(0));
    }

    #[test]
    fn years_of_more_than_four_digits_are_not_written() {
        for milliseconds in [RANGE.start() - 1, RANGE.end() + 1, i64::MIN, i64::MAX] {
            assert_eq!(written(milliseconds), None, "{milliseconds}");
        }
    }

    proptest! {
        #[test]
        fn every_timestamp_reads_back_unchanged(milliseconds in RANGE) {
            prop_assert_eq!(read(&written(milliseconds).unwrap()), Ok(milliseconds));
        }

        // The range of jiff ends a day before that of RFC 3339.
        #[test]
        fn jiff_reads_and_writes_the_same_text(milliseconds in (RANGE.start() + 86_400_000)..(RANGE.end() - 2 * 86_400_000)) {
            let other = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
            prop_assert_eq!(written(milliseconds).unwrap(), format!("{other:.3}"));
            prop_assert_eq!(read(&other.to_string()), Ok(milliseconds));
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "[0-9TtZz:.+ -]{0,40}|\\PC{0,40}") {
            let _ = (read(&text), read_local_day(&text));
        }
    }
}
