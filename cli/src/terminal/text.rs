//! Metrics, durations and texts as people read them on a terminal.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: `12,345/s`, with one decimal while it is small.
pub(crate) fn per_second(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 {
        format!("{rate:.1}/s")
    } else {
        format!("{}/s", count(rate.round() as u64))
    }
}

/// A short time: `850 µs`, `12 ms`, `3.4 s`, `2m05s`.
pub(crate) fn short_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 1_000 {
        format!("{micros} µs")
    } else if micros < 1_000_000 {
        format!("{} ms", micros / 1_000)
    } else if duration.as_secs() < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else if duration.as_secs() < 3_600 {
        format!("{}m{:02}s", duration.as_secs() / 60, duration.as_secs() % 60)
    } else {
        format!("{}h{:02}m", duration.as_secs() / 3_600, duration.as_secs() / 60 % 60)
    }
}

/// How long something has been running: `0:42`, `1:02:03`.
pub(crate) fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Text of one line that takes at most `width` columns of a terminal: control characters, which could move the cursor or
/// set colours, are shown as `·`, and what does not fit ends in `…`.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let clean: String =
        text.chars().map(|character| if character.is_control() { '·' } else { character }).collect();
    if clean.width() <= width {
        return clean;
    }
    let mut fitting = String::new();
    let mut used = 0;
    for character in clean.chars() {
        let more = character.width().unwrap_or(0);
        // One column is kept for the ellipsis.
        if used + more + 1 > width {
            break;
        }
        used += more;
        fitting.push(character);
    }
    if width > 0 {
        fitting.push('…');
    }
    fitting
}

/// Columns of a terminal that a text takes.
pub(crate) fn width_of(text: &str) -> usize {
    text.width()
}

/// Text filled with spaces on the right up to a width.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(width_of(text))))
}

/// Text filled with spaces on the left up to a width.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(width_of(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(count), ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let micros = [850, 12_300, 3_440_000, 125_000_000, 3_725_000_000].map(Duration::from_micros);
        assert_eq!(micros.map(short_duration), ["850 µs", "12 ms", "3.4 s", "2m05s", "1h02m"]);
        assert_eq!([42, 62, 3_723].map(Duration::from_secs).map(clock), ["0:42", "1:02", "1:02:03"]);
    }

    #[test]
    fn a_slow_rate_keeps_a_decimal() {
        assert_eq!([0.0, 0.25, 9.96, 1_234.5].map(per_second), ["0/s", "0.2/s", "10/s", "1,235/s"]);
    }

    #[test]
    fn an_escape_sequence_in_a_record_does_not_reach_the_terminal() {
        assert_eq!(fit("a\u{1b}[2Jb\nc", 20), "a·[2Jb·c");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(fit("東京都港区", 5), "東京…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
    }

    proptest! {
        #[test]
        fn no_text_is_wider_than_it_may_be(text in "\\PC{0,40}|.{0,40}", width in 0_usize..30) {
            prop_assert!(width_of(&fit(&text, width)) <= width);
        }
    }
}
