//! Points in time as RFC 3339 texts, in milliseconds since the Unix epoch.
//!
//! Read: any offset from UTC; `T`, `t` or a space between date and time; up to nine digits of fraction, cut to
//! milliseconds. Written: UTC with `Z` and three digits of fraction, for example `2018-10-21T00:27:38.583Z`.

use std::ops::RangeInclusive;

use super::{date, digits};

/// The points in time that RFC 3339 can write in UTC, in milliseconds since the Unix epoch: the years 0000 to 9999.
pub(crate) const RANGE: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

const MILLISECONDS_PER_SECOND: i64 = 1_000;
const SECONDS_PER_MINUTE: i64 = 60;
const SECONDS_PER_HOUR: i64 = 3_600;
const SECONDS_PER_DAY: i64 = 86_400;
const MILLISECONDS_PER_DAY: i64 = SECONDS_PER_DAY * MILLISECONDS_PER_SECOND;
const MAX_FRACTION_DIGITS: usize = 9;

/// Why a text is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It does not follow RFC 3339, or has more than nine digits of fraction, or there is no such day or time.
    #[error("not an RFC 3339 timestamp")]
    Syntax,
    /// The second is 60: it has no milliseconds since the epoch of its own.
    #[error("a leap second cannot be told from the second after it")]
    LeapSecond,
    /// It is not within the years 0000 to 9999 of UTC.
    #[error("outside of the years 0000 to 9999 in UTC")]
    OutOfRange,
}

/// Reads a point in time.
pub(crate) fn read(text: &str) -> Result<i64, TimestampError> {
    read_parts(text.as_bytes()).map(|(milliseconds, _)| milliseconds)
}

/// Reads the calendar day of a point in time as it is written, that is in the offset of the text, in days since the Unix
/// epoch.
pub(crate) fn read_written_day(text: &str) -> Result<i32, TimestampError> {
    read_parts(text.as_bytes()).map(|(_, days)| days)
}

fn read_parts(bytes: &[u8]) -> Result<(i64, i32), TimestampError> {
    let days = date::read_front(bytes).ok_or(TimestampError::Syntax)?;
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

/// `THH:MM:SS`, and what follows.
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

/// The milliseconds of an optional `.123456789`, and what follows. Smaller parts are cut off, which is towards the past.
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

/// The seconds that `Z` or `±HH:MM` is ahead of UTC. None when anything follows.
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

/// Appends the text form. None, with nothing appended, for a time outside of [`RANGE`].
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
    fn every_spelling_of_rfc_3339_is_read() {
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
    fn parts_of_a_millisecond_are_cut_towards_the_past() {
        assert_eq!(read("1969-12-31T23:59:59.9999Z"), Ok(-1));
        assert_eq!(read("1969-12-31T23:59:59.9990Z"), Ok(-1));
        assert_eq!(read("1969-12-31T23:59:59.0001Z"), Ok(-1_000));
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
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
    fn the_written_day_is_that_of_the_texts_own_offset() {
        assert_eq!(read_written_day("1970-01-02T00:30:00+01:00"), Ok(1));
        assert_eq!(read_written_day("1970-01-01T23:30:00-01:00"), Ok(0));
    }

    #[test]
    fn times_beyond_four_digits_of_year_are_not_written() {
        for milliseconds in [RANGE.start() - 1, RANGE.end() + 1, i64::MIN, i64::MAX] {
            assert_eq!(written(milliseconds), None, "{milliseconds}");
        }
    }

    proptest! {
        #[test]
        fn every_time_is_read_as_it_was_written(milliseconds in RANGE) {
            prop_assert_eq!(read(&written(milliseconds).unwrap()), Ok(milliseconds));
        }

        // jiff's own range ends a day before RFC 3339's.
        #[test]
        fn other_implementations_agree(milliseconds in (RANGE.start() + 86_400_000)..(RANGE.end() - 2 * 86_400_000)) {
            let other = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
            prop_assert_eq!(written(milliseconds).unwrap(), format!("{other:.3}"));
            prop_assert_eq!(read(&other.to_string()), Ok(milliseconds));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9TtZz:.+ -]{0,40}|\\PC{0,40}") {
            let _ = (read(&text), read_written_day(&text));
        }
    }
}
