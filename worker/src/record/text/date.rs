//! Calendar days as `YYYY-MM-DD`, in the proleptic Gregorian calendar of ISO 8601, years 0000 to 9999.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::digits;

const EPOCH: Date = Date::constant(1970, 1, 1);
const HOURS_PER_DAY: i64 = 24;

/// The length of the text form in bytes.
pub(super) const LENGTH: usize = 10;

/// Parses a day as days since the Unix epoch. `None` for any other text, or for a day that does not exist.
pub(crate) fn read(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() == LENGTH { read_prefix(bytes) } else { None }
}

/// Parses the day at the start of `bytes`.
pub(super) fn read_prefix(bytes: &[u8]) -> Option<i32> {
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let year = i16::try_from(digits::number(bytes, 0, 4)?).ok()?;
    let month = i8::try_from(digits::number(bytes, 5, 2)?).ok()?;
    let day = i8::try_from(digits::number(bytes, 8, 2)?).ok()?;
    let date = Date::new(year, month, day).ok()?;
    i32::try_from(date.duration_since(EPOCH).as_hours() / HOURS_PER_DAY).ok()
}

/// Appends the text form of a day. `None`, with nothing appended, for a day outside of the years 0000 to 9999.
pub(crate) fn write(out: &mut Vec<u8>, days: i32) -> Option<()> {
    out.extend_from_slice(&text(days)?);
    Some(())
}

/// The text form of a day.
pub(super) fn text(days: i32) -> Option<[u8; LENGTH]> {
    let date = EPOCH.checked_add(SignedDuration::from_hours(i64::from(days) * HOURS_PER_DAY)).ok()?;
    let mut text = *b"0000-00-00";
    digits::fill(&mut text[0..4], u32::try_from(date.year()).ok()?);
    digits::fill(&mut text[5..7], u32::from(date.month().unsigned_abs()));
    digits::fill(&mut text[8..10], u32::from(date.day().unsigned_abs()));
    Some(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 0000-01-01 and 9999-12-31.
    pub(crate) const RANGE: std::ops::RangeInclusive<i32> = -719_528..=2_932_896;

    fn written(days: i32) -> Option<String> {
        let mut out = Vec::new();
        write(&mut out, days)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn days_count_from_the_unix_epoch() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("0000-01-01", *RANGE.start()),
            ("9999-12-31", *RANGE.end()),
        ] {
            assert_eq!(read(text), Some(days), "{text}");
            assert_eq!(written(days).as_deref(), Some(text));
        }
    }

    #[test]
    fn invalid_days_are_refused() {
        for text in [
            "",
            "2021-02-29",
            "2021-13-01",
            "2021-00-01",
            "2021-01-00",
            "2021-1-1",
            "21-01-01",
            "20210101",
            "2021/01/01",
            "2021-01-01T",
            " 2021-01-01",
            "+2021-01-01",
            "-021-01-01",
            "2021-01-0١",
            "２０２１-01-01",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn years_of_more_than_four_digits_are_not_written() {
        for days in [*RANGE.start() - 1, *RANGE.end() + 1, i32::MIN, i32::MAX] {
            assert_eq!(written(days), None, "{days}");
        }
    }

    proptest! {
        #[test]
        fn every_day_reads_back_unchanged(days in RANGE) {
            prop_assert_eq!(read(&written(days).unwrap()), Some(days));
        }
    }
}
