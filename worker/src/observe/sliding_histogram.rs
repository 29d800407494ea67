//! A sliding-window histogram: the durations since the start, and those of about the last minute.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::observe::histogram::{Histogram, HistogramSnapshot};

/// The interval between snapshots.
const STEP: Duration = Duration::from_secs(10);
/// The number of steps in the window, which therefore spans 60 to 70 seconds.
const STEPS: usize = 6;

/// A histogram since the start that also has the counts of a window of about a minute.
///
/// Recording costs the same as for a [`Histogram`].
#[derive(Debug, Default)]
pub struct SlidingHistogram {
    total: Histogram,
    snapshots: Mutex<VecDeque<(Instant, HistogramSnapshot)>>,
}

impl Deref for SlidingHistogram {
    type Target = Histogram;

    /// The histogram since the start.
    fn deref(&self) -> &Histogram {
        &self.total
    }
}

impl SlidingHistogram {
    /// Advances the window: takes a snapshot per step, and drops those before the window.
    pub fn advance(&self, now: Instant) {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if snapshots.back().is_some_and(|(last, _)| now.duration_since(*last) < STEP) {
            return;
        }
        snapshots.push_back((now, self.total.snapshot()));
        // The window starts at the latest snapshot that is at least its length old.
        let window = STEP * u32::try_from(STEPS).unwrap_or(u32::MAX);
        while snapshots.get(1).is_some_and(|(second, _)| now.duration_since(*second) >= window) {
            snapshots.pop_front();
        }
    }

    /// The counts of the window. All counts while no snapshot exists.
    pub fn window(&self) -> HistogramSnapshot {
        let snapshots = self.snapshots.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let current = self.total.snapshot();
        match snapshots.front() {
            Some((_, start)) => current.since(start),
            None => current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p99(histogram: &SlidingHistogram) -> Option<u128> {
        histogram.window().quantile(0.99).map(|quantile| quantile.as_millis())
    }

    #[test]
    fn window_covers_about_a_minute() {
        let histogram = SlidingHistogram::default();
        let start = Instant::now();
        for second in 0..300_u64 {
            histogram.advance(start + Duration::from_secs(second));
            let is_outlier = (100..130).contains(&second);
            histogram.record(Duration::from_millis(if is_outlier { 800 } else { 1 }));
            let quantile = p99(&histogram).unwrap();
            let has_outliers = quantile > 500;
            // The window spans 60 to 70 seconds, so either is right at its boundary.
            match second {
                0..100 => assert!(!has_outliers, "{second}: {quantile}"),
                100..190 => assert!(has_outliers, "{second}: {quantile}"),
                190..200 => {}
                _ => assert!(!has_outliers, "{second}: {quantile}"),
            }
        }
        assert!(histogram.quantile(0.99).unwrap() > Duration::from_millis(500), "since the start");
    }

    #[test]
    fn window_is_empty_after_a_minute_without_durations() {
        let histogram = SlidingHistogram::default();
        let start = Instant::now();
        histogram.advance(start);
        histogram.record(Duration::from_millis(5));
        for second in 0..100 {
            histogram.advance(start + Duration::from_secs(second));
        }
        assert_eq!(p99(&histogram), None);
        assert_eq!(histogram.count(), 1);
    }

    #[test]
    fn window_is_everything_before_the_first_snapshot() {
        let histogram = SlidingHistogram::default();
        histogram.record(Duration::from_millis(5));
        assert_eq!(p99(&histogram), Some(5));
        // Hours without an advance leave a single snapshot in the window.
        let start = Instant::now();
        histogram.advance(start);
        histogram.advance(start + Duration::from_secs(10_000));
        histogram.record(Duration::from_millis(70));
        assert!(p99(&histogram).unwrap() >= 70);
    }
}
