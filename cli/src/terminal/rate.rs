//! The rate of a counter: its current value, and a history of the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

/// The window of the mean rate.
const WINDOW: Duration = Duration::from_secs(5);
/// The length of the history.
const HISTORY_SECONDS: usize = 24;

/// A counter that is sampled at intervals.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// Samples: time since the start, and count. The oldest is at or before the start of the window.
    samples: VecDeque<(Duration, u64)>,
    /// The increase in each of the last whole seconds.
    seconds: VecDeque<u64>,
    /// The current second, and the count at its start.
    current: (u64, u64),
}

impl Rate {
    /// Records the count at a time since the start. Times must not decrease.
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

    /// The mean rate over the window.
    pub(crate) fn per_second(&self) -> f64 {
        let (Some((first, earliest)), Some((last, now))) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let time = last.saturating_sub(*first).as_secs_f64();
        if time > 0.0 { now.saturating_sub(*earliest) as f64 / time } else { 0.0 }
    }

    /// The history as a bar chart of one line: the newest second on the right, scaled to the greatest.
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
    fn rate_covers_only_the_window() {
        let mut samples: Vec<(u64, u64)> = (0..=40).map(|tick| (tick * 250, tick * 100)).collect();
        assert_eq!(rate(&samples).per_second(), 400.0);
        samples.extend((41..=60).map(|tick| (tick * 250, 4_000)));
        assert_eq!(rate(&samples).per_second(), 0.0);
    }

    #[test]
    fn rate_is_zero_before_the_second_sample() {
        assert_eq!(rate(&[]).per_second(), 0.0);
        assert_eq!(rate(&[(10, 5)]).per_second(), 0.0);
    }

    #[test]
    fn bars_are_scaled_to_the_greatest_second() {
        assert_eq!(rate(&[(0, 0), (1_000, 70), (2_000, 70), (3_000, 80), (3_500, 500)]).bars(), "█▁▂");
    }

    #[test]
    fn missed_samples_do_not_shift_the_history() {
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
