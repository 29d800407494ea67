//! Which failed requests are sent again, and how long to wait before.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use userstream_crds::model::Retry;

use crate::runtime::backoff::{Backoff, Jitter};

/// What a status means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It worked.
    Success,
    /// The answer is elsewhere.
    Redirect,
    /// The same request may work later.
    Retry,
    /// The credentials are missing or wrong.
    Unauthorized,
    /// The same request will not work.
    Final,
}

/// The table of statuses.
pub(crate) fn verdict(status: StatusCode) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Success,
        301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
        401 => Verdict::Unauthorized,
        // Request Timeout, Too Early, Too Many Requests, and whatever is the server's fault.
        408 | 425 | 429 | 500..=599 => Verdict::Retry,
        _ => Verdict::Final,
    }
}

/// How long a server asked to wait; none when it did not, or not in one of the two forms of RFC 9110.
///
/// `now` is in milliseconds since the Unix epoch. A date in the past is no time; a number of seconds too large for the
/// type is the longest time there is.
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
    failed: u32,
    retry: Retry,
    backoff: Backoff,
}

impl Attempts {
    /// No attempt yet, of as many as configured.
    pub(crate) fn new(retry: Retry, jitter: Jitter) -> Self {
        Self { failed: 0, retry, backoff: Backoff::new(retry.initial_backoff, retry.max_backoff, jitter) }
    }

    /// How many attempts have failed.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// Notes that an attempt has failed. The pause before the next one; none when it was the last.
    ///
    /// At least as long as the server asked for, at most the configured longest pause.
    pub(crate) fn fail(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        let wait = self.backoff.next_wait().max(asked.unwrap_or_default()).min(self.retry.max_backoff);
        (self.failed < self.retry.max_attempts.get()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statuses_are_judged_by_this_table() {
        use Verdict::{Final, Redirect, Retry, Success, Unauthorized};
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
            (408, Retry),
            (409, Final),
            (410, Final),
            (413, Final),
            (418, Final),
            (422, Final),
            (423, Final),
            (425, Retry),
            (428, Final),
            (429, Retry),
            (431, Final),
            (451, Final),
            (500, Retry),
            (501, Retry),
            (502, Retry),
            (503, Retry),
            (504, Retry),
            (507, Retry),
            (529, Retry),
            (599, Retry),
            (600, Final),
            (999, Final),
        ];
        for (status, expected) in table {
            assert_eq!(verdict(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    fn asked(value: &str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = 784_111_777_000;
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, now)
    }

    #[test]
    fn both_forms_of_retry_after_are_read_and_nonsense_is_not() {
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
            assert_eq!(asked(value), expected, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), 0), None);
    }

    fn attempts(max_attempts: u32, seed: u64) -> Attempts {
        let retry = Retry {
            max_attempts: max_attempts.try_into().unwrap(),
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
        };
        Attempts::new(retry, Jitter::seeded(seed))
    }

    #[test]
    fn the_last_attempt_is_followed_by_no_pause() {
        let mut three = attempts(3, 1);
        assert!(three.fail(None).is_some());
        assert!(three.fail(None).is_some());
        assert_eq!(three.fail(Some(Duration::from_secs(1))), None);
        assert_eq!(three.failed(), 3);
        assert_eq!(attempts(1, 1).fail(None), None);
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut many = attempts(100, 1);
        for ceiling in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let pause = many.fail(None).unwrap().as_millis();
            assert!((ceiling / 2..=ceiling).contains(&pause), "{pause} of {ceiling}");
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_as_long_as_asked_for_but_never_longer_than_the_longest(
            before in 0..20, asked in prop::option::of(any::<u64>()), seed in any::<u64>()
        ) {
            let asked = asked.map(Duration::from_millis);
            let longest = Duration::from_secs(30);
            let mut attempts = attempts(1_000, seed);
            for _ in 0..before {
                attempts.fail(None);
            }
            let pause = attempts.fail(asked).unwrap();
            prop_assert!(pause <= longest);
            prop_assert!(pause >= asked.unwrap_or_default().min(longest));
        }
    }
}
