//! Numbers that always change, kept from always changing the status: every write of it goes to every client that watches.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::status::ProcessorStatus;

use super::verdict::seconds;

/// How long a lag stands, unless it becomes known or unknown: less than passes between two answers of a worker whose pipeline is
/// ready, so that none of these is passed over.
const LAG_STANDS: SignedDuration = SignedDuration::from_secs(25);
/// How much later a time has to be.
const TIME_STANDS: SignedDuration = SignedDuration::from_mins(5);

/// Sets the lag: rounded, and only when it says something new.
pub(super) fn lag(
    next: &mut ProcessorStatus,
    previous: Option<&ProcessorStatus>,
    lag: Option<u64>,
    now: Timestamp,
) {
    let rounded = lag.map(rounded);
    let before = previous.map(|previous| (previous.lag, previous.lag_observed_time.clone()));
    (next.lag, next.lag_observed_time) = match before {
        Some((old, at)) if old == rounded => (old, at),
        Some((Some(old), Some(at))) if rounded.is_some() && now.duration_since(at.0) < LAG_STANDS => {
            (Some(old), Some(at))
        }
        _ => (rounded, rounded.is_some().then(|| seconds(now))),
    };
}

/// To two digits: 0, 7, 42, 130, 9900.
fn rounded(lag: u64) -> i64 {
    let mut unit = 1;
    while lag / unit >= 100 {
        unit *= 10;
    }
    i64::try_from(lag / unit * unit).unwrap_or(i64::MAX)
}

/// A time that moves on: the old one while the new one is not much later.
pub(super) fn time(previous: Option<&Time>, next: Option<Timestamp>) -> Option<Time> {
    match (previous, next) {
        (Some(old), Some(new)) if new.duration_since(old.0) < TIME_STANDS => Some(old.clone()),
        (_, Some(new)) => Some(seconds(new)),
        (old, None) => old.cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn after(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    fn told(previous: Option<&ProcessorStatus>, value: Option<u64>, now: Timestamp) -> ProcessorStatus {
        let mut next = ProcessorStatus::default();
        lag(&mut next, previous, value, now);
        next
    }

    #[test]
    fn a_lag_is_told_to_two_digits() {
        let cases =
            [(0, 0), (9, 9), (99, 99), (100, 100), (139, 130), (9_999, 9_900), (1_234_567, 1_200_000)];
        for (lag, expected) in cases {
            assert_eq!(rounded(lag), expected, "{lag}");
        }
        assert!(rounded(u64::MAX) > 0);
    }

    #[test]
    fn a_lag_that_moves_a_little_or_often_writes_nothing() {
        let first = told(None, Some(1000), NOW);
        assert_eq!((first.lag, first.lag_observed_time.clone()), (Some(1000), Some(Time(NOW))));
        assert_eq!(told(Some(&first), Some(1049), after(3600)), first);
        assert_eq!(told(Some(&first), Some(9000), after(24)), first);
        assert_eq!(told(Some(&first), Some(9000), after(25)).lag, Some(9000));
    }

    #[test]
    fn a_lag_that_becomes_unknown_is_not_told_for_a_second_longer() {
        let first = told(None, Some(1000), NOW);
        let unknown = told(Some(&first), None, after(1));
        assert_eq!((unknown.lag, unknown.lag_observed_time.clone()), (None, None));
        assert_eq!(told(Some(&unknown), Some(0), after(2)).lag, Some(0));
    }

    #[test]
    fn a_time_moves_in_steps() {
        let old = Time(NOW);
        assert_eq!(time(Some(&old), Some(after(299))), Some(old.clone()));
        assert_eq!(time(Some(&old), Some(after(300))), Some(Time(after(300))));
        assert_eq!(time(Some(&old), None), Some(old));
    }
}
