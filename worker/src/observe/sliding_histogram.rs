//! A histogram that also knows what of it is recent: one bad hour is not told of for ever, and one good one hides nothing.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::observe::histogram::{Counts, Histogram};

/// How far apart the moments are that are remembered.
const STEP: Duration = Duration::from_secs(10);
/// How many are: what is recent is between a minute and a step more than that old.
const STEPS: usize = 6;

/// Durations since the start, and those of about the last minute. Counting costs what it costs a [`Histogram`].
#[derive(Debug, Default)]
pub struct Recent {
    whole: Histogram,
    moments: Mutex<VecDeque<(Instant, Counts)>>,
}

impl Deref for Recent {
    type Target = Histogram;

    /// Everything since the start.
    fn deref(&self) -> &Histogram {
        &self.whole
    }
}

impl Recent {
    /// Remembers this moment when the last one is a step away, and forgets those that are no longer recent.
    pub fn pass(&self, now: Instant) {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        if moments.back().is_some_and(|(last, _)| now.duration_since(*last) < STEP) {
            return;
        }
        moments.push_back((now, self.whole.counts()));
        // The oldest that is a whole minute away is where the recent begins.
        let window = STEP * u32::try_from(STEPS).unwrap_or(u32::MAX);
        while moments.get(1).is_some_and(|(second, _)| now.duration_since(*second) >= window) {
            moments.pop_front();
        }
    }

    /// What was counted of late. Everything while the start is no further away.
    pub fn recent(&self) -> Counts {
        let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = self.whole.counts();
        match moments.front() {
            Some((_, earlier)) => counts.since(earlier),
            None => counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p99(recent: &Recent) -> Option<u128> {
        recent.recent().quantile(0.99).map(|found| found.as_millis())
    }

    #[test]
    fn a_bad_minute_is_told_of_while_it_is_recent_and_no_longer() {
        let recent = Recent::default();
        let start = Instant::now();
        for second in 0..300_u64 {
            recent.pass(start + Duration::from_secs(second));
            let is_bad = (100..130).contains(&second);
            recent.record(Duration::from_millis(if is_bad { 800 } else { 1 }));
            let found = p99(&recent).unwrap();
            let is_told = found > 500;
            // Between a minute and ten seconds more after it was over, either is right.
            match second {
                0..100 => assert!(!is_told, "{second}: {found}"),
                100..190 => assert!(is_told, "{second}: {found}"),
                190..200 => {}
                _ => assert!(!is_told, "{second}: {found}"),
            }
        }
        assert!(recent.quantile(0.99).unwrap() > Duration::from_millis(500), "the whole keeps it");
    }

    #[test]
    fn what_ended_a_while_ago_leaves_nothing_recent() {
        let recent = Recent::default();
        let start = Instant::now();
        recent.pass(start);
        recent.record(Duration::from_millis(5));
        for second in 0..100 {
            recent.pass(start + Duration::from_secs(second));
        }
        assert_eq!(p99(&recent), None);
        assert_eq!(recent.count(), 1);
    }

    #[test]
    fn a_worker_that_has_just_started_tells_of_all_it_did() {
        let recent = Recent::default();
        recent.record(Duration::from_millis(5));
        assert_eq!(p99(&recent), Some(5));
        // Also when nobody looked for hours, which leaves one moment in the window.
        let start = Instant::now();
        recent.pass(start);
        recent.pass(start + Duration::from_secs(10_000));
        recent.record(Duration::from_millis(70));
        assert!(p99(&recent).unwrap() >= 70);
    }
}
