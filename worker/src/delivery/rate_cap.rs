//! The cap on the records that all processors of a pipeline read: a token bucket for each.

use std::time::Duration;

use tokio::time::Instant;

/// A cap on the records a second of all processors of a pipeline.
///
/// A processor has only the numbers of its assigned and of all partitions. Its share of the records is its share of the
/// partitions, however many processors there are.
#[derive(Debug, Clone, Copy)]
pub struct RateCap {
    /// Records a second.
    pub per_second: u32,
    /// How many partitions the topic is declared to have: counts until the log reports how many it has.
    pub declared_partitions: u32,
}

impl RateCap {
    /// The records a second of a processor with so many of the topic's partitions.
    fn share(self, assigned: usize, partitions: Option<u32>) -> f64 {
        let assigned = u32::try_from(assigned).unwrap_or(u32::MAX);
        let partitions = partitions.unwrap_or(self.declared_partitions).max(assigned).max(1);
        f64::from(self.per_second) * f64::from(assigned) / f64::from(partitions)
    }
}

/// How many records may still be read under a cap.
#[derive(Debug)]
pub struct TokenBucket {
    cap: Option<RateCap>,
    tokens: f64,
    refilled: Instant,
}

/// The bucket holds at most this much time's tokens, so that an idle period allows no burst.
const BURST: Duration = Duration::from_millis(250);

impl TokenBucket {
    /// An empty bucket. Without a cap, it never runs out.
    pub fn new(cap: Option<RateCap>, now: Instant) -> Self {
        Self { cap, tokens: 0.0, refilled: now }
    }

    /// Refills the bucket. Returns how many records may be read by a processor with so many of the topic's partitions.
    /// `partitions`: how many the topic has; `None` while unknown.
    pub fn available(&mut self, assigned: usize, partitions: Option<u32>, now: Instant) -> usize {
        let Some(cap) = self.cap else { return usize::MAX };
        let elapsed = now.duration_since(std::mem::replace(&mut self.refilled, now));
        if assigned == 0 {
            // The log must be polled to receive an assignment.
            return 1;
        }
        let per_second = cap.share(assigned, partitions);
        let refill = elapsed.min(BURST).as_secs_f64() * per_second;
        self.tokens = (self.tokens + refill).min((per_second * BURST.as_secs_f64()).max(1.0));
        self.tokens as usize
    }

    /// Takes one token.
    pub fn take(&mut self) {
        if self.cap.is_some() {
            self.tokens -= 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: RateCap = RateCap { per_second: 100, declared_partitions: 6 };

    /// What a processor with so many of the topic's partitions reads in a minute under a cap of 100 records a second.
    fn read_in_a_minute_of(assigned: usize, partitions: Option<u32>) -> usize {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Some(CAP), start);
        (1..=6_000)
            .map(|poll| start + Duration::from_millis(10) * poll)
            .map(|now| {
                let available = bucket.available(assigned, partitions, now);
                (0..available).for_each(|_| bucket.take());
                available
            })
            .sum()
    }

    fn read_in_a_minute(assigned: usize) -> usize {
        read_in_a_minute_of(assigned, None)
    }

    #[test]
    fn cap_is_shared_by_the_partitions_that_the_topic_has() {
        for (partitions, shares) in [(2, &[1, 1][..]), (12, &[12]), (12, &[4, 8])] {
            let read = |assigned: &usize| read_in_a_minute_of(*assigned, Some(partitions));
            let together: usize = shares.iter().map(read).sum();
            assert!((5_950..=6_000).contains(&together), "{shares:?} of {partitions} read {together}");
        }
    }

    #[test]
    fn processors_share_a_cap_as_they_share_the_partitions() {
        for shares in [&[6][..], &[3, 3], &[4, 1, 1], &[1, 1, 1, 1, 1, 1]] {
            let together: usize = shares.iter().map(|assigned| read_in_a_minute(*assigned)).sum();
            assert!((5_950..=6_000).contains(&together), "{shares:?} read {together}");
        }
        let (one, two) = (read_in_a_minute(1), read_in_a_minute(2));
        assert!((one * 2).abs_diff(two) <= 2, "{one} and {two}");
    }

    #[test]
    fn capped_processor_polls_for_its_assignment() {
        let now = Instant::now();
        let mut bucket = TokenBucket::new(Some(RateCap { per_second: 1, ..CAP }), now);
        assert_eq!((bucket.available(0, None, now), bucket.available(1, None, now)), (1, 0));
    }
}
