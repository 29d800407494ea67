//! Which failed requests are retried, and after which backoff.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use userstream_crds::model::Retry as RetryPolicy;

use crate::runtime::backoff::{Backoff, Jitter};

/// What a status means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusClass {
    /// The request succeeded.
    Success,
    /// The resource is at another URL.
    Redirect,
    /// The same request may succeed later.
    Retryable,
    /// The credentials are missing or wrong.
    Unauthorized,
    /// The same request fails again.
    Final,
}

/// The class of a status.
pub(crate) fn classify_status(status: StatusCode) -> StatusClass {
    match status.as_u16() {
        200..=299 => StatusClass::Success,
        301 | 302 | 303 | 307 | 308 => StatusClass::Redirect,
        401 => StatusClass::Unauthorized,
        // Request Timeout, Too Early, Too Many Requests, and every server error.
        408 | 425 | 429 | 500..=599 => StatusClass::Retryable,
        _ => StatusClass::Final,
    }
}

/// The delay that a `Retry-After` header asks for. `None` without one in either of the two forms of RFC 9110.
///
/// `now` is in milliseconds since the Unix epoch. A date in the past is a delay of zero; a number of seconds that
/// overflows is the longest delay.
pub(crate) fn retry_after(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Duration::from_millis(u64::try_from(now).unwrap_or_default());
    Some(date.saturating_sub(now))
}

/// The attempts at one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    failures: u32,
    policy: RetryPolicy,
    backoff: Backoff,
}

impl Attempts {
    /// No attempt yet, of as many as the policy allows.
    pub(crate) fn new(policy: RetryPolicy, jitter: Jitter) -> Self {
        let backoff = Backoff::new(policy.initial_backoff, policy.max_backoff, jitter);
        Self { failures: 0, policy, backoff }
    }

    /// The number of failed attempts.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Records a failed attempt and returns the backoff before the next one. `None` after the last attempt.
    ///
    /// The backoff is at least `retry_after` and at most the configured maximum.
    pub(crate) fn record_failure(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        self.failures += 1;
        let backoff = self.backoff.next_wait().max(retry_after.unwrap_or_default());
        (self.failures < self.policy.max_attempts.get()).then_some(backoff.min(self.policy.max_backoff))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_status_has_the_class_of_this_table() {
        use StatusClass::{Final, Redirect, Retryable, Success, Unauthorized};
        let table = [
            (200, Success),
            (204, Success),
            (206, Success),
            (300, Final),
            (301, Redirect),
            (302, Redirect),
            (303, Redirect),
            (304, Final),
            (305, Final),
            (307, Redirect),
            (308, Redirect),
            (400, Final),
            (401, Unauthorized),
            (402, Final),
            (403, Final),
            (404, Final),
            (405, Final),
            (406, Final),
            (407, Final),
            (408, Retryable),
            (409, Final),
            (410, Final),
            (413, Final),
            (418, Final),
            (422, Final),
            (423, Final),
            (425, Retryable),
            (428, Final),
            (429, Retryable),
            (431, Final),
            (451, Final),
            (500, Retryable),
            (501, Retryable),
            (502, Retryable),
            (503, Retryable),
            (504, Retryable),
            (507, Retryable),
            (529, Retryable),
            (599, Retryable),
            (600, Final),
            (999, Final),
        ];
        for (status, expected) in table {
            assert_eq!(classify_status(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    fn parsed(value: &str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = 784_111_777_000;
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, now)
    }

    #[test]
    fn both_forms_of_retry_after_are_parsed() {
        let seconds = |count| Some(Duration::from_secs(count));
        let table = [
            ("0", seconds(0)),
            ("120", seconds(120)),
            (" 7 ", seconds(7)),
            ("99999999999999999999999", seconds(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", seconds(60)),
            ("Sun Nov  6 08:50:37 1994", seconds(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(0)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", seconds(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", seconds(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", seconds(253_402_300_799 - 784_111_777)),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("5s", None),
            ("soon", None),
            ("", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("1994-11-06T08:49:37Z", None),
        ];
        for (value, expected) in table {
            assert_eq!(parsed(value), expected, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), 0), None);
    }

    fn attempts(max_attempts: u32, seed: u64) -> Attempts {
        let policy = RetryPolicy {
            max_attempts: max_attempts.try_into().unwrap(),
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
        };
        Attempts::new(policy, Jitter::seeded(seed))
    }

    #[test]
    fn last_attempt_has_no_backoff() {
        let mut three = attempts(3, 1);
        assert!(three.record_failure(None).is_some());
        assert!(three.record_failure(None).is_some());
        assert_eq!(three.record_failure(Some(Duration::from_secs(1))), None);
        assert_eq!(three.failures(), 3);
        assert_eq!(attempts(1, 1).record_failure(None), None);
    }

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        let mut many = attempts(100, 1);
        for ceiling in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let backoff = many.record_failure(None).unwrap().as_millis();
            assert!((ceiling / 2..=ceiling).contains(&backoff), "{backoff} of {ceiling}");
        }
    }

    proptest! {
        #[test]
        fn backoff_is_between_retry_after_and_its_maximum(
            before in 0..20, retry_after in prop::option::of(any::<u64>()), seed in any::<u64>()
        ) {
            let retry_after = retry_after.map(Duration::from_millis);
            let maximum = Duration::from_secs(30);
            let mut attempts = attempts(1_000, seed);
            for _ in 0..before {
                attempts.record_failure(None);
            }
            let backoff = attempts.record_failure(retry_after).unwrap();
            prop_assert!(backoff <= maximum);
            prop_assert!(backoff >= retry_after.unwrap_or_default().min(maximum));
        }
    }
}
