//! Formats ages as kubectl does.

use jiff::Timestamp;

/// The time since `since`: `12s`, `5m`, `2h30m`, `3d`. A time in the future is `0s`, because clocks differ.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 120 => format!("{minutes}m"),
        () if hours < 8 && minutes % 60 > 0 => format!("{hours}h{}m", minutes % 60),
        () if hours < 48 => format!("{hours}h"),
        () => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_use_the_largest_fitting_unit() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let of = |seconds: i64| age(now - jiff::SignedDuration::from_secs(seconds), now);
        assert_eq!(
            [0, 119, 120, 7_199, 9_000, 7_200, 100_000, 200_000, -5].map(of),
            ["0s", "119s", "2m", "119m", "2h30m", "2h", "27h", "2d", "0s"]
        );
    }
}
