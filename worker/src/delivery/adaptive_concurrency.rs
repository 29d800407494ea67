//! Adaptive concurrency: additive increase, multiplicative decrease (AIMD) on the table's latency.
//!
//! Too few writes in flight waste the table's time; too many only queue in it. The limit grows by one for each full
//! window of fast replies. It shrinks by a fifth, at most once a window, when replies exceed the latency ceiling or the
//! table reports overload. This is the rule of TCP's congestion control (Chiu and Jain, 1989).

use std::time::Duration;

/// The limit on writes in flight.
#[derive(Debug, Clone)]
pub struct AdaptiveConcurrency {
    limit: usize,
    max: usize,
    ceiling: Duration,
    /// Fast replies since the limit changed.
    fast: usize,
    since_decrease: usize,
}

/// The smallest limit: below it, one slow row would block all others.
const MIN: usize = 4;

impl AdaptiveConcurrency {
    /// Starts at a quarter of `max` requests. `ceiling` is the latency beyond which the table counts as overloaded.
    pub fn new(max: usize, ceiling: Duration) -> Self {
        let max = max.max(MIN);
        Self { limit: (max / 4).max(MIN), max, ceiling, fast: 0, since_decrease: 0 }
    }

    /// Records an acknowledged request.
    pub fn on_success(&mut self, latency: Duration) {
        if latency > self.ceiling {
            return self.on_overload();
        }
        self.since_decrease = self.since_decrease.saturating_add(1);
        self.fast += 1;
        if self.fast >= self.limit {
            self.fast = 0;
            self.limit = (self.limit + 1 + self.limit / 16).min(self.max);
        }
    }

    /// Records a request that failed because the table was overloaded, or that exceeded the ceiling.
    pub fn on_overload(&mut self) {
        self.fast = 0;
        // All requests of one window meet the same overload, which counts once.
        if self.since_decrease >= self.limit {
            self.limit = (self.limit - self.limit / 5).max(MIN);
            self.since_decrease = 0;
        } else {
            self.since_decrease += 1;
        }
    }

    /// The current limit.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILING: Duration = Duration::from_millis(50);

    fn succeed(limit: &mut AdaptiveConcurrency, times: usize, latency: Duration) {
        for _ in 0..times {
            limit.on_success(latency);
        }
    }

    #[test]
    fn fast_replies_raise_the_limit_to_its_maximum() {
        let mut limit = AdaptiveConcurrency::new(128, CEILING);
        succeed(&mut limit, 5_000, Duration::from_millis(2));
        assert_eq!(limit.limit(), 128);
    }

    #[test]
    fn one_overload_lowers_the_limit_once() {
        let mut limit = AdaptiveConcurrency::new(128, CEILING);
        succeed(&mut limit, 5_000, Duration::from_millis(2));
        succeed(&mut limit, 100, Duration::from_secs(1));
        assert_eq!(limit.limit(), 103);
        succeed(&mut limit, 100_000, Duration::from_secs(1));
        assert_eq!(limit.limit(), MIN);
    }
}
