//! Points in time and lengths of time as text.

use std::fmt::{self, Write};

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone};

const NANOSECONDS: i64 = 1_000_000_000;
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// A point in time, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    seconds: i64,
    /// Within the second, also before the epoch.
    nanosecond: i32,
}

impl Timestamp {
    /// Seconds since the Unix epoch; none outside of the years 1 to 9999, which is what CEL has.
    pub(super) fn from_seconds(seconds: i64) -> Option<Self> {
        Self::new(SignedDuration::from_secs(seconds))
    }

    /// Milliseconds since the Unix epoch, in any year.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        let nanosecond = milliseconds.rem_euclid(1000) as i32 * 1_000_000;
        Self { seconds: milliseconds.div_euclid(1000), nanosecond }
    }

    fn new(since_epoch: SignedDuration) -> Option<Self> {
        let (seconds, nanosecond) = (since_epoch.as_secs(), since_epoch.subsec_nanos());
        let borrow = i64::from(nanosecond < 0);
        let time = Self {
            seconds: seconds.checked_sub(borrow)?,
            nanosecond: if nanosecond < 0 { nanosecond + 1_000_000_000 } else { nanosecond },
        };
        (-62_135_596_800..=253_402_300_799).contains(&time.seconds).then_some(time)
    }

    /// Seconds since the Unix epoch, without the fraction.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Milliseconds since the Unix epoch, cut.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(self.nanosecond as i64 / 1_000_000)
    }

    fn since_epoch(self) -> SignedDuration {
        SignedDuration::new(self.seconds, self.nanosecond)
    }

    /// The point in time so many nanoseconds later.
    pub(super) fn plus(self, nanoseconds: i64) -> Option<Self> {
        Self::new(self.since_epoch().checked_add(SignedDuration::from_nanos(nanoseconds))?)
    }

    /// The nanoseconds from another point in time to this one.
    pub(super) fn since(self, other: Self) -> Option<i64> {
        let between = self.since_epoch().checked_sub(other.since_epoch())?;
        i64::try_from(between.as_nanos()).ok()
    }

    /// The date and time of day in a zone; none outside of the years that have one.
    pub(super) fn in_zone(self, zone: &TimeZone) -> Option<DateTime> {
        // Some hours at the ends of the range are no timestamp of jiff's, and have the offset of those beside them.
        let clamped = jiff::Timestamp::new(self.seconds, 0).unwrap_or(if self.seconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        let offset = SignedDuration::from_secs(zone.to_offset(clamped).seconds().into());
        EPOCH.checked_add(self.since_epoch().checked_add(offset)?).ok()
    }
}

/// RFC 3339, in UTC, with as many digits of fraction as there are.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.in_zone(&TimeZone::UTC) {
            Some(time) => write!(f, "{time}Z"),
            None => f.write_str("a time of no year"),
        }
    }
}

/// Reads an RFC 3339 timestamp of the years 1 to 9999 with up to nine digits of fraction.
pub(super) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let mut cursor = Cursor(text.as_bytes());
    let year = cursor.digits(4)?;
    let month = cursor.after(b"-")?.digits(2)?;
    let day = cursor.after(b"-")?.digits(2)?;
    let hour = cursor.after(b"Tt ")?.digits(2)?;
    let minute = cursor.after(b":")?.digits(2)?;
    let second = cursor.after(b":")?.digits(2)?;
    let nanosecond = cursor.fraction()?;
    let offset = cursor.offset()?;
    let small = |number: i32| i8::try_from(number).ok();
    let time = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        nanosecond,
    );
    let since_epoch = time.ok()?.duration_since(EPOCH);
    Timestamp::new(since_epoch.checked_sub(SignedDuration::from_secs(offset.into()))?)
}

/// Reads a time zone: a name of the tz database, or an offset like `+02:00`.
pub(super) fn parse_zone(text: &str) -> Option<TimeZone> {
    if text.eq_ignore_ascii_case("UTC") {
        return Some(TimeZone::UTC);
    }
    let signed = if text.starts_with(['+', '-']) { text.to_owned() } else { format!("+{text}") };
    match Cursor(signed.as_bytes()).offset() {
        Some(seconds) => Offset::from_seconds(seconds).ok().map(TimeZone::fixed),
        None => TimeZone::get(text).ok(),
    }
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Takes one of some bytes.
    fn after(&mut self, expected: &[u8]) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        expected.contains(first).then_some(self)
    }

    /// Takes so many digits.
    fn digits(&mut self, count: usize) -> Option<i32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i32::from(digit - b'0'))
        })
    }

    /// Takes a fraction of a second, if there is one, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        if self.0.first() != Some(&b'.') {
            return Some(0);
        }
        self.after(b".")?;
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let digits = self.digits(count)?;
        Some((count..9).fold(digits, |number, _| number * 10))
    }

    /// Takes `Z` or an offset, as seconds; nothing may follow.
    fn offset(&mut self) -> Option<i32> {
        let sign = match self.0 {
            b"Z" | b"z" => return Some(0),
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return None,
        };
        let hours = self.after(b"+-")?.digits(2).filter(|hours| *hours < 24)?;
        let minutes = self.after(b":")?.digits(2).filter(|minutes| *minutes < 60)?;
        self.0.is_empty().then_some(sign * (hours * 3600 + minutes * 60))
    }
}

/// Reads a length of time as Go writes it: `1h30m`, `-1.5s`, `250ms`. In nanoseconds.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at_checked(number)?;
        let unit = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(unit)?;
        total = total.checked_add(part(number, unit)?)?;
        rest = behind;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn part(number: &str, unit: &str) -> Option<i128> {
    let unit: i128 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 20 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()?.checked_mul(unit)? };
    // Digits beyond the fifteenth are less than a nanosecond of an hour.
    let fraction = fraction.get(..15).unwrap_or(fraction);
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction =
        if fraction.is_empty() { 0 } else { fraction.parse::<i128>().ok()?.checked_mul(unit)? / scale };
    whole.checked_add(fraction)
}

/// Writes a length of time in seconds: `5400s`, `-0.5s`.
pub(super) fn write_duration(nanoseconds: i64, out: &mut String) {
    let magnitude = nanoseconds.unsigned_abs();
    let (seconds, fraction) =
        (magnitude / NANOSECONDS.unsigned_abs(), magnitude % NANOSECONDS.unsigned_abs());
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{seconds}");
    if fraction > 0 {
        let digits = format!("{fraction:09}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
    out.push('s');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339_in_the_years_of_cel() {
        for (text, expected) in [
            ("2009-02-13T23:31:30Z", "2009-02-13T23:31:30Z"),
            ("2009-02-13t23:31:30.5z", "2009-02-13T23:31:30.5Z"),
            ("2009-02-13 23:31:30.123456789+02:00", "2009-02-13T21:31:30.123456789Z"),
            ("2000-02-29T00:00:00-11:30", "2000-02-29T11:30:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(parse_timestamp(text).map(|it| it.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "2009-02-13",
            "2009-02-13T23:31:30",
            "2009-02-13T23:31Z",
            "2009-02-30T00:00:00Z",
            "2009-02-13T24:00:00Z",
            "2009-02-13T23:59:60Z",
            "2009-02-13T23:31:30.Z",
            "2009-02-13T23:31:30.1234567890Z",
            "2009-02-13T23:31:30+2:00",
            "2009-02-13T23:31:30Z ",
            "10000-01-01T00:00:00Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+01:00",
            "2009-02-13T23:31:30[UTC]",
            "2009-02-13T23:31:30+24:00",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn times_at_both_ends_have_a_date_where_it_exists() {
        let hour = |text: &str, zone: &str| {
            let time = parse_timestamp(text).unwrap().in_zone(&parse_zone(zone).unwrap());
            time.map(|time| (time.year(), time.hour()))
        };
        assert_eq!(hour("9999-12-31T23:00:00Z", "UTC"), Some((9999, 23)));
        assert_eq!(hour("9999-12-31T23:00:00Z", "America/New_York"), Some((9999, 18)));
        assert_eq!(hour("9999-12-31T23:00:00Z", "+02:00"), None);
        assert_eq!(hour("0001-01-01T00:00:00Z", "-02:00"), Some((0, 22)));
        let early = Timestamp::from_milliseconds(-1);
        assert_eq!((early.to_string().as_str(), early.milliseconds()), ("1969-12-31T23:59:59.999Z", -1));
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, nanoseconds, written) in [
            ("1h30m", 5_400_000_000_000, "5400s"),
            ("-1.5s", -1_500_000_000, "-1.5s"),
            ("250ms", 250_000_000, "0.25s"),
            ("1us1ns", 1_001, "0.000001001s"),
            (".5m", 30_000_000_000, "30s"),
            ("1.h", 3_600_000_000_000, "3600s"),
            ("0", 0, "0s"),
            ("+1s", 1_000_000_000, "1s"),
            ("9223372036.854775807s", i64::MAX, "9223372036.854775807s"),
        ] {
            assert_eq!(parse_duration(text), Some(nanoseconds), "{text}");
            let mut out = String::new();
            write_duration(nanoseconds, &mut out);
            assert_eq!(out, written);
        }
        for text in ["", "-", "1", "s", "1x", "1.2.3s", ".s", "1h-1m", "9223372036.854775808s", "1 s", "1d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn zones_are_names_and_offsets() {
        let hour = |zone: &str| {
            let time = parse_timestamp("2009-02-13T23:31:30Z").unwrap();
            parse_zone(zone).map(|zone| time.in_zone(&zone).unwrap().hour())
        };
        assert_eq!(hour("UTC"), Some(23));
        assert_eq!(hour("+02:00"), Some(1));
        assert_eq!(hour("02:00"), Some(1));
        assert_eq!(hour("-02:30"), Some(21));
        assert_eq!(hour("America/New_York"), Some(18));
        assert_eq!(hour("Nowhere/Land"), None);
        assert_eq!(hour("+25:00"), None);
        assert_eq!(hour(""), None);
    }
}
