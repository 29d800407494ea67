//! A histogram of durations that many may read while one writes: no locks, fixed memory, 12 % resolution.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each power of two is cut into this many buckets.
const PARTS: u64 = 8;
/// From 1 µs to 2^40 µs, almost 13 days.
const BUCKETS: usize = 40 * PARTS as usize;

/// Durations from microseconds to days.
#[derive(Debug)]
pub struct Histogram {
    buckets: Vec<AtomicU64>,
    sum_micros: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum_micros: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts one duration. Those beyond the range count at its ends.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(index(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// Their sum.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    /// The duration that a part of all, from 0 to 1, does not pass. None when nothing was counted.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        self.counts().quantile(part)
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        Counts(self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect())
    }

    /// How many durations were at most as long as the upper end of the bucket that `bound` falls in.
    pub fn count_up_to(&self, bound: Duration) -> u64 {
        let last = index(u64::try_from(bound.as_micros()).unwrap_or(u64::MAX));
        self.buckets.iter().take(last + 1).map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

/// What a histogram had counted at one moment.
#[derive(Clone, Debug)]
pub struct Counts(Vec<u64>);

impl Counts {
    /// What was counted since an earlier moment of the same histogram.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        for (count, before) in self.0.iter_mut().zip(&earlier.0) {
            *count = count.saturating_sub(*before);
        }
        self
    }

    /// The duration that a part of all, from 0 to 1, does not pass. None when nothing was counted.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count: u64 = self.0.iter().sum();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * part).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let found = self.0.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        })?;
        Some(upper(found))
    }
}

fn index(micros: u64) -> usize {
    let micros = micros.max(1);
    let power = u64::from(micros.ilog2());
    // The part of the power of two that the rest falls in.
    let part = ((micros - (1 << power)) * PARTS) >> power;
    usize::try_from(power * PARTS + part).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper(index: usize) -> Duration {
    let (power, part) = (index as u64 / PARTS, index as u64 % PARTS);
    Duration::from_micros((1 << power) + (((part + 1) << power) / PARTS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_an_eighth_above_the_exact_one(mut micros in prop::collection::vec(8..10_000_000_u64, 1..200)) {
            let histogram = Histogram::default();
            for micros in &micros {
                histogram.record(Duration::from_micros(*micros));
            }
            micros.sort_unstable();
            for part in [0.01, 0.5, 0.99, 1.0] {
                let exact = micros[((micros.len() as f64 * part).ceil() as usize).max(1) - 1];
                let found = histogram.quantile(part).unwrap().as_micros() as u64;
                prop_assert!(found >= exact && found <= exact + exact / 8 + 1, "{found} for {exact}");
            }
        }
    }
}
