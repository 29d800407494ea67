//! Exponential backoff with jitter and a cap.

use std::time::Duration;

use crate::runtime::random::SplitMix64;

/// The waits between the attempts of one operation.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    next: Duration,
    max: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// Waits that start at up to `first` and double up to `max`.
    pub fn new(first: Duration, max: Duration, jitter: Jitter) -> Self {
        Self { first: first.min(max), next: first.min(max), max, jitter }
    }

    /// Restarts from the first wait, after an attempt that succeeded.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// The wait before the next attempt: between half of the current step and all of it, so that many clients spread
    /// out and none retries at once. In whole milliseconds, the resolution of timers, so that a simulation repeats
    /// exactly.
    pub fn next_wait(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        let wait = step.mul_f64(0.5 + self.jitter.next_fraction() / 2.0);
        wait - Duration::from_nanos(u64::from(wait.subsec_nanos() % 1_000_000))
    }
}

/// A seedable random number generator, so that a run can be repeated. Not for secrets.
#[derive(Debug, Clone)]
pub struct Jitter(SplitMix64);

impl Jitter {
    /// Equal seeds give equal numbers.
    pub fn seeded(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// Seeded from the process's hash keys, which differ from process to process.
    pub fn from_process() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self::seeded(RandomState::new().hash_one(std::process::id()))
    }

    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.0.next()
    }

    /// A number in [0, 1).
    pub fn next_fraction(&mut self) -> f64 {
        // A double holds 53 bits exactly.
        (self.next_bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An independent stream.
    pub fn split(&mut self) -> Self {
        Self::seeded(self.next_bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_stay_above_half_a_step() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), Jitter::seeded(1));
        for step in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next_wait().as_millis();
            assert!((step / 2..=step).contains(&wait), "{wait} ms in a step of {step} ms");
        }
    }

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let numbers = |seed| {
            std::iter::repeat_with({
                let mut jitter = Jitter::seeded(seed);
                move || jitter.next_bits()
            })
            .take(5)
            .collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }
}
