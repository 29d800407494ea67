//! A lock-free histogram of durations with fixed memory and a resolution of 12 %.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The number of buckets per power of two.
const BUCKETS_PER_POWER: u64 = 8;
/// From 1 µs to 2^40 µs, almost 13 days.
const BUCKETS: usize = 40 * BUCKETS_PER_POWER as usize;

/// A histogram of durations from microseconds to days.
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
    /// Counts a duration. Durations out of range count in the first or last bucket.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(index(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The sum of the durations.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros.load(Ordering::Relaxed))
    }

    /// The quantile `q`, from 0 to 1, rounded up to the bucket's upper bound. `None` for an empty histogram.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        self.snapshot().quantile(q)
    }

    /// The current counts.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot(self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect())
    }

    /// The number of durations up to `bound`, which is rounded up to the upper bound of its bucket.
    pub fn count_up_to(&self, bound: Duration) -> u64 {
        let last = index(u64::try_from(bound.as_micros()).unwrap_or(u64::MAX));
        self.buckets.iter().take(last + 1).map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

/// The counts of a histogram at one time.
#[derive(Clone, Debug)]
pub struct HistogramSnapshot(Vec<u64>);

impl HistogramSnapshot {
    /// The counts since an earlier snapshot of the same histogram.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        for (count, before) in self.0.iter_mut().zip(&earlier.0) {
            *count = count.saturating_sub(*before);
        }
        self
    }

    /// The quantile `q`, from 0 to 1, rounded up to the bucket's upper bound. `None` without any durations.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let count: u64 = self.0.iter().sum();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * q).ceil() as u64).clamp(1, count);
        let mut cumulative = 0;
        let bucket = self.0.iter().position(|bucket| {
            cumulative += bucket;
            cumulative >= rank
        })?;
        Some(upper_bound(bucket))
    }
}

fn index(micros: u64) -> usize {
    let micros = micros.max(1);
    let power = u64::from(micros.ilog2());
    let bucket = ((micros - (1 << power)) * BUCKETS_PER_POWER) >> power;
    usize::try_from(power * BUCKETS_PER_POWER + bucket).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_bound(index: usize) -> Duration {
    let (power, bucket) = (index as u64 / BUCKETS_PER_POWER, index as u64 % BUCKETS_PER_POWER);
    Duration::from_micros((1 << power) + (((bucket + 1) << power) / BUCKETS_PER_POWER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn empty_histogram_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn quantile_is_at_most_an_eighth_above_the_exact_one(mut micros in prop::collection::vec(8..10_000_000_u64, 1..200)) {
            let histogram = Histogram::default();
            for micros in &micros {
                histogram.record(Duration::from_micros(*micros));
            }
            micros.sort_unstable();
            for q in [0.01, 0.5, 0.99, 1.0] {
                let exact = micros[((micros.len() as f64 * q).ceil() as usize).max(1) - 1];
                let found = histogram.quantile(q).unwrap().as_micros() as u64;
                prop_assert!(found >= exact && found <= exact + exact / 8 + 1, "{found} for {exact}");
            }
        }
    }
}
