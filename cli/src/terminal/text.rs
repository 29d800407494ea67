//! Formats numbers, durations and texts for a terminal.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A count with thousands separators: `12,345`.
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

/// A count and its noun: `1 row`, `12,345 rows`. The noun must take a plural in -s.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    let suffix = if number == 1 { "" } else { "s" };
    format!("{} {noun}{suffix}", count(number))
}

/// A rate: `12,345/s`, with one decimal below 10.
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

/// An elapsed time: `0:42`, `1:02:03`.
pub(crate) fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Fits text into one line of at most `width` columns. Replaces control characters, which could move the cursor or set
/// colours, by `·`, and truncates with `…`.
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
        // Reserves one column for the ellipsis.
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

/// The width of a text in columns of a terminal.
pub(crate) fn width_of(text: &str) -> usize {
    text.width()
}

/// Left-aligns text in a width.
pub(crate) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(width_of(text))))
}

/// Right-aligns text in a width.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(width_of(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_have_thousands_separators() {
        assert_eq!([0, 12, 999, 1_000, 1_234_567].map(count), ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!([0, 1, 1_200].map(|number| plural(number, "row")), ["0 rows", "1 row", "1,200 rows"]);
    }

    #[test]
    fn durations_use_the_largest_fitting_unit() {
        let micros = [850, 12_300, 3_440_000, 125_000_000, 3_725_000_000].map(Duration::from_micros);
        assert_eq!(micros.map(short_duration), ["850 µs", "12 ms", "3.4 s", "2m05s", "1h02m"]);
        assert_eq!([42, 62, 3_723].map(Duration::from_secs).map(clock), ["0:42", "1:02", "1:02:03"]);
    }

    #[test]
    fn rates_below_ten_keep_a_decimal() {
        assert_eq!([0.0, 0.25, 9.96, 1_234.5].map(per_second), ["0/s", "0.2/s", "10/s", "1,235/s"]);
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(fit("a\u{1b}[2Jb\nc", 20), "a·[2Jb·c");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(fit("東京都港区", 5), "東京…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
    }

    proptest! {
        #[test]
        fn fitted_text_never_exceeds_the_width(text in "\\PC{0,40}|.{0,40}", width in 0_usize..30) {
            prop_assert!(width_of(&fit(&text, width)) <= width);
        }
    }
}
