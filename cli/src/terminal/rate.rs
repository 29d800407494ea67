//! How fast a count grows: now, and over the last while.

use std::collections::VecDeque;
use std::time::Duration;

/// The rate shown is the mean over so long.
const WINDOW: Duration = Duration::from_secs(5);
/// So many seconds of history are kept.
const HISTORY_SECONDS: usize = 24;

/// A count that is looked at from time to time.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// When it was looked at, since the start, and what it was; the oldest lies at or before the window's beginning.
    samples: VecDeque<(Duration, u64)>,
    /// What was counted in each of the last whole seconds.
    seconds: VecDeque<u64>,
    /// The whole second that is being counted, and the count at its beginning.
    current: (u64, u64),
}

impl Rate {
    /// Notes the count at a time since the start. Times must not go back.
    pub(crate) fn record(&mut self, at: Duration, count: u64) {
        while self.current.0 < at.as_secs() {
            self.seconds.push_back(count.saturating_sub(self.current.1));
            self.current = (self.current.0 + 1, count);
            if self.seconds.len() > HISTORY_SECONDS {
                self.seconds.pop_front();
            }
        }
        self.samples.push_back((at, count));
        while self.samples.get(1).is_some_and(|(second, _)| at.saturating_sub(*second) >= WINDOW) {
            self.samples.pop_front();
        }
    }

    /// The mean rate over the last seconds.
    pub(crate) fn per_second(&self) -> f64 {
        let (Some((first, earliest)), Some((last, now))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let time = last.saturating_sub(*first).as_secs_f64();
        if time > 0.0 { now.saturating_sub(*earliest) as f64 / time } else { 0.0 }
    }

    /// The last seconds as a row of bars, the newest on the right, the tallest as high as the line.
    pub(crate) fn bars(&self) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let tallest = self.seconds.iter().copied().max().unwrap_or(0).max(1);
        let bar = |count: &u64| {
            let height = (u128::from(*count) * (BARS.len() as u128 - 1)).div_ceil(u128::from(tallest));
            usize::try_from(height).ok().and_then(|height| BARS.get(height)).copied().unwrap_or(' ')
        };
        self.seconds.iter().map(bar).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(samples: &[(u64, u64)]) -> Rate {
        let mut rate = Rate::default();
        for (milliseconds, count) in samples {
            rate.record(Duration::from_millis(*milliseconds), *count);
        }
        rate
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds_alone() {
        let mut samples: Vec<(u64, u64)> = (0..=40).map(|tick| (tick * 250, tick * 100)).collect();
        assert_eq!(rate(&samples).per_second(), 400.0);
        samples.extend((41..=60).map(|tick| (tick * 250, 4_000)));
        assert_eq!(rate(&samples).per_second(), 0.0);
    }

    #[test]
    fn before_the_second_look_there_is_no_rate() {
        assert_eq!(rate(&[]).per_second(), 0.0);
        assert_eq!(rate(&[(10, 5)]).per_second(), 0.0);
    }

    #[test]
    fn bars_show_each_second_beside_the_tallest() {
        assert_eq!(rate(&[(0, 0), (1_000, 70), (2_000, 70), (3_000, 80), (3_500, 500)]).bars(), "█▁▂");
    }

    #[test]
    fn a_pause_in_looking_does_not_shift_time() {
        assert_eq!(rate(&[(0, 0), (3_100, 30)]).bars(), "█▁▁");
    }

    #[test]
    fn history_is_bounded() {
        let samples: Vec<(u64, u64)> = (0..1_000).map(|second| (second * 1_000, second)).collect();
        let rate = rate(&samples);
        assert_eq!(rate.bars().chars().count(), HISTORY_SECONDS);
        assert!(rate.samples.len() <= 8, "{} samples kept", rate.samples.len());
    }
}
