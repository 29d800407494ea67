//! How many writes may be in flight: additive increase, multiplicative decrease on the table's latency.
//!
//! Few writes in flight waste the table's time; too many only queue in it. The limit grows by one for each full window
//! of quick replies, and shrinks by a fifth, at most once a window, when replies take longer than the ceiling or the
//! table says that it has too much to do (the rule of TCP's congestion control: Chiu and Jain, 1989).

use std::time::Duration;

/// The limit on writes in flight.
#[derive(Debug, Clone)]
pub struct InFlightLimit {
    limit: usize,
    most: usize,
    ceiling: Duration,
    quick: usize,
    since_decrease: usize,
}

/// The window never closes further than this: below it, a single slow row would hold all others.
const LEAST: usize = 4;

impl InFlightLimit {
    /// Starts at a quarter of `most` requests. `ceiling` is the latency beyond which the table counts as overloaded.
    pub fn new(most: usize, ceiling: Duration) -> Self {
        let most = most.max(LEAST);
        Self { limit: (most / 4).max(LEAST), most, ceiling, quick: 0, since_decrease: 0 }
    }

    /// A request was answered.
    pub fn answered(&mut self, latency: Duration) {
        if latency > self.ceiling {
            return self.overloaded();
        }
        self.since_decrease = self.since_decrease.saturating_add(1);
        self.quick += 1;
        if self.quick >= self.limit {
            self.quick = 0;
            self.limit = (self.limit + 1 + self.limit / 16).min(self.most);
        }
    }

    /// A request failed because the table has too much to do, or took too long.
    pub fn overloaded(&mut self) {
        self.quick = 0;
        // All requests of one window see the same overload: it counts once.
        if self.since_decrease >= self.limit {
            self.limit = (self.limit - self.limit / 5).max(LEAST);
            self.since_decrease = 0;
        } else {
            self.since_decrease += 1;
        }
    }

    /// The limit now.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILING: Duration = Duration::from_millis(50);

    fn answer(limit: &mut InFlightLimit, times: usize, latency: Duration) {
        for _ in 0..times {
            limit.answered(latency);
        }
    }

    #[test]
    fn quick_replies_open_the_window_up_to_its_most() {
        let mut limit = InFlightLimit::new(128, CEILING);
        answer(&mut limit, 5_000, Duration::from_millis(2));
        assert_eq!(limit.limit(), 128);
    }

    #[test]
    fn one_overload_shrinks_the_window_once() {
        let mut limit = InFlightLimit::new(128, CEILING);
        answer(&mut limit, 5_000, Duration::from_millis(2));
        answer(&mut limit, 100, Duration::from_secs(1));
        assert_eq!(limit.limit(), 103);
        answer(&mut limit, 100_000, Duration::from_secs(1));
        assert_eq!(limit.limit(), LEAST);
    }
}
