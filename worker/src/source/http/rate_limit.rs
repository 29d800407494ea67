//! Limits the rate of requests.

use std::collections::VecDeque;

use tokio::time::{Instant, sleep_until};
use userstream_crds::model::RateLimit;

/// A sliding-window rate limiter: at most `requests` requests in any window of length `per`.
///
/// Stores the send times of the last window. A token bucket needs less space but admits nearly twice the limit after
/// idle time, which an API with a quota rejects with 429.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: RateLimit,
    sent: VecDeque<Instant>,
}

impl RateLimiter {
    /// A limiter that has admitted no request yet.
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, sent: VecDeque::new() }
    }

    /// Waits until a request may be sent. A cancelled call does not count as a request.
    pub(crate) async fn acquire(&mut self) {
        let full = self.sent.len() >= usize::try_from(self.limit.requests.get()).unwrap_or(usize::MAX);
        if let Some(oldest) = self.sent.front().filter(|_| full) {
            sleep_until(*oldest + self.limit.per).await;
            self.sent.pop_front();
        }
        self.sent.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn limiter(requests: u32, per: Duration) -> RateLimiter {
        RateLimiter::new(RateLimit { requests: requests.try_into().unwrap(), per })
    }

    async fn sent_at(limiter: &mut RateLimiter, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            limiter.acquire().await;
            times.push(start.elapsed().as_millis());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn limit_of_one_spaces_requests_evenly() {
        let mut limiter = limiter(1, Duration::from_secs(1));
        assert_eq!(sent_at(&mut limiter, 4).await, [0, 1_000, 2_000, 3_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn bursts_are_allowed_within_the_limit_of_any_window() {
        let mut limiter = limiter(3, Duration::from_secs(2));
        assert_eq!(sent_at(&mut limiter, 7).await, [0, 0, 0, 2_000, 2_000, 2_000, 4_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_earns_no_extra_requests() {
        let mut limiter = limiter(2, Duration::from_secs(1));
        limiter.acquire().await;
        advance(Duration::from_millis(900)).await;
        assert_eq!(sent_at(&mut limiter, 3).await, [0, 100, 1_000]);
        advance(Duration::from_secs(3_600)).await;
        assert_eq!(sent_at(&mut limiter, 4).await, [0, 0, 1_000, 1_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_wait_does_not_count_as_a_request() {
        let mut limiter = limiter(1, Duration::from_secs(10));
        limiter.acquire().await;
        let start = Instant::now();
        for _ in 0..5 {
            assert!(tokio::time::timeout(Duration::from_secs(1), limiter.acquire()).await.is_err());
        }
        limiter.acquire().await;
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }
}
