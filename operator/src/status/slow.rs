//! Numbers that always change, kept from always changing the status: every write of it goes to every client that watches.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::status::{PipelineStatus, ProcessorStatus, ProducerStatus};

/// How long a lag stands, unless it becomes known or unknown: less than passes between two answers of a worker whose pipeline is
/// ready, so that none of these is passed over.
const LAG_STANDS: SignedDuration = SignedDuration::from_secs(25);
/// How much later a time has to be.
const TIME_STANDS: SignedDuration = SignedDuration::from_mins(5);

/// The status to be told: the last one, where only numbers are others and none has moved enough. Whatever else is told, all
/// numbers are told with it.
pub(super) fn settled(
    previous: Option<&PipelineStatus>,
    next: PipelineStatus,
    now: Timestamp,
) -> PipelineStatus {
    let stands = |previous: &&PipelineStatus| {
        let (told, old) = split((*previous).clone());
        let (rest, new) = split(next.clone());
        told == rest && !new.have_moved(&old, now)
    };
    previous.filter(stands).cloned().unwrap_or(next)
}

/// Whether two statuses are the same but for numbers.
pub(super) fn differ_in_numbers_alone(previous: &PipelineStatus, next: &PipelineStatus) -> bool {
    without_numbers(previous.clone()) == without_numbers(next.clone())
}

/// What a status says besides numbers.
pub(super) fn without_numbers(status: PipelineStatus) -> PipelineStatus {
    split(status).0
}

/// The numbers of a status.
struct Numbers {
    lag: Option<i64>,
    lag_observed: Option<Time>,
    last_row: Option<Time>,
    last_success: Option<Time>,
    last_schedule: Option<Time>,
    dead_letters: Option<i64>,
}

/// A status without its numbers, and these.
fn split(mut status: PipelineStatus) -> (PipelineStatus, Numbers) {
    let of_processor =
        |it: &mut ProcessorStatus| (it.lag.take(), it.lag_observed_time.take(), it.last_row_time.take());
    let of_producer = |it: &mut ProducerStatus| (it.last_success_time.take(), it.last_schedule_time.take());
    let (lag, lag_observed, last_row) = status.processor.as_mut().map(of_processor).unwrap_or_default();
    let (last_success, last_schedule) = status.producer.as_mut().map(of_producer).unwrap_or_default();
    let dead_letters = status.dead_letter.as_mut().and_then(|it| it.depth.take());
    (status, Numbers { lag, lag_observed, last_row, last_success, last_schedule, dead_letters })
}

impl Numbers {
    /// Whether any of them is to be told.
    fn have_moved(&self, old: &Self, now: Timestamp) -> bool {
        let lag_stands = old.lag_observed.as_ref().is_some_and(|at| now.duration_since(at.0) < LAG_STANDS);
        let lag_has_moved = match (old.lag, self.lag) {
            (Some(old), Some(new)) => old != new && !lag_stands,
            (old, new) => old != new,
        };
        let time_has_moved = |old: &Option<Time>, new: &Option<Time>| match (old, new) {
            (Some(old), Some(new)) => new.0.duration_since(old.0) >= TIME_STANDS,
            (old, new) => old != new,
        };
        lag_has_moved
            || time_has_moved(&old.last_row, &self.last_row)
            || time_has_moved(&old.last_success, &self.last_success)
            || (&old.last_schedule, old.dead_letters) != (&self.last_schedule, self.dead_letters)
    }
}

/// A lag to two digits: 0, 7, 42, 130, 9900.
pub(super) fn rounded(lag: u64) -> i64 {
    let mut unit = 1;
    while lag / unit >= 100 {
        unit *= 10;
    }
    i64::try_from(lag / unit * unit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use userstream_crds::status::DeadLetterStatus;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn after(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    /// A status with these numbers, measured after so many seconds.
    fn status(lag: Option<i64>, seconds: i64) -> PipelineStatus {
        let time = Some(Time(after(seconds)));
        PipelineStatus {
            processor: Some(ProcessorStatus {
                lag,
                lag_observed_time: lag.and(time.clone()),
                last_row_time: time.clone(),
                ..ProcessorStatus::default()
            }),
            producer: Some(ProducerStatus { last_success_time: time, ..ProducerStatus::default() }),
            dead_letter: Some(DeadLetterStatus { depth: Some(0) }),
            ..PipelineStatus::default()
        }
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
    fn numbers_that_move_a_little_or_often_write_nothing() {
        let told = status(Some(1000), 0);
        for (lag, seconds) in [(Some(1000), 299), (Some(9000), 24), (Some(1000), 0)] {
            assert_eq!(settled(Some(&told), status(lag, seconds), after(seconds)), told, "{lag:?} {seconds}");
        }
        for (lag, seconds) in [(Some(1000), 300), (Some(9000), 25), (None, 1)] {
            let next = status(lag, seconds);
            assert_eq!(settled(Some(&told), next.clone(), after(seconds)), next, "{lag:?} {seconds}");
        }
    }

    #[test]
    fn what_becomes_known_or_unknown_and_each_dead_letter_is_told() {
        type Edit = fn(&mut PipelineStatus);
        let told = status(Some(1000), 0);
        let edits: [Edit; 5] = [
            |it| it.processor.as_mut().unwrap().lag = None,
            |it| it.processor.as_mut().unwrap().last_row_time = None,
            |it| it.producer.as_mut().unwrap().last_success_time = None,
            |it| it.producer.as_mut().unwrap().last_schedule_time = Some(Time(NOW)),
            |it| it.dead_letter.as_mut().unwrap().depth = Some(1),
        ];
        for edit in edits {
            let mut other = told.clone();
            edit(&mut other);
            assert!(differ_in_numbers_alone(&told, &other));
            for (before, next) in [(&told, &other), (&other, &told)] {
                assert_eq!(&settled(Some(before), next.clone(), after(1)), next);
            }
        }
    }

    #[test]
    fn whatever_else_is_told_all_numbers_are_told_with_it() {
        let told = status(Some(1000), 0);
        let mut next = status(Some(1100), 10);
        next.processor.as_mut().unwrap().ready_replicas = 2;
        assert!(!differ_in_numbers_alone(&told, &next));
        assert_eq!(settled(Some(&told), next.clone(), after(10)), next);
        assert_eq!(settled(None, next.clone(), after(10)), next);
    }
}
