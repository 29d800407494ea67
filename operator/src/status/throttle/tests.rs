use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use userstream_crds::status::{DeadLetterStatus, Phase, TopicStatus};

use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn after_seconds(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

fn after_milliseconds(milliseconds: i64) -> Timestamp {
    NOW + SignedDuration::from_millis(milliseconds)
}

type Edit = fn(&mut PipelineStatus);

mod volatile_fields {
    use super::*;

    /// A status with this lag, observed after so many seconds.
    fn status(lag: Option<i64>, seconds: i64) -> PipelineStatus {
        let time = Some(Time(after_seconds(seconds)));
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
    fn lag_is_rounded_to_two_digits() {
        let cases =
            [(0, 0), (9, 9), (99, 99), (100, 100), (139, 130), (9_999, 9_900), (1_234_567, 1_200_000)];
        for (lag, expected) in cases {
            assert_eq!(two_digits(lag), expected, "{lag}");
        }
        assert!(two_digits(u64::MAX) > 0);
    }

    #[test]
    fn small_and_frequent_changes_are_not_written() {
        let written = status(Some(1000), 0);
        for (lag, seconds) in [(Some(1000), 299), (Some(9000), 24), (Some(1000), 0)] {
            let next = status(lag, seconds);
            let kept = without_insignificant_changes(Some(&written), next, after_seconds(seconds));
            assert_eq!(kept, written, "{lag:?} {seconds}");
        }
        for (lag, seconds) in [(Some(1000), 300), (Some(9000), 25), (None, 1)] {
            let next = status(lag, seconds);
            let kept = without_insignificant_changes(Some(&written), next.clone(), after_seconds(seconds));
            assert_eq!(kept, next, "{lag:?} {seconds}");
        }
    }

    #[test]
    fn appearing_values_and_dead_letters_are_written() {
        let written = status(Some(1000), 0);
        let edits: [Edit; 5] = [
            |it| it.processor.as_mut().unwrap().lag = None,
            |it| it.processor.as_mut().unwrap().last_row_time = None,
            |it| it.producer.as_mut().unwrap().last_success_time = None,
            |it| it.producer.as_mut().unwrap().last_schedule_time = Some(Time(NOW)),
            |it| it.dead_letter.as_mut().unwrap().depth = Some(1),
        ];
        for edit in edits {
            let mut other = written.clone();
            edit(&mut other);
            assert_eq!(StatusChange::between(Some(&written), &other), StatusChange::Volatile);
            for (before, next) in [(&written, &other), (&other, &written)] {
                let kept = without_insignificant_changes(Some(before), next.clone(), after_seconds(1));
                assert_eq!(&kept, next);
            }
        }
    }

    #[test]
    fn any_other_change_takes_volatile_fields_along() {
        let written = status(Some(1000), 0);
        let mut next = status(Some(1100), 10);
        next.processor.as_mut().unwrap().ready_replicas = 2;
        assert_ne!(StatusChange::between(Some(&written), &next), StatusChange::Volatile);
        for before in [Some(&written), None] {
            assert_eq!(without_insignificant_changes(before, next.clone(), after_seconds(10)), next);
        }
    }
}

mod changes {
    use super::*;

    fn status() -> PipelineStatus {
        let condition = |of: ConditionType, status: &str| Condition {
            type_: of.name().to_owned(),
            status: status.to_owned(),
            reason: "RollingOut".to_owned(),
            message: "0 of 1".to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        PipelineStatus {
            observed_generation: Some(1),
            phase: Some(Phase::Provisioning),
            conditions: vec![
                condition(ConditionType::Ready, "False"),
                condition(ConditionType::Reconciling, "True"),
                condition(ConditionType::ProcessorReady, "False"),
            ],
            producer: Some(ProducerStatus::default()),
            processor: Some(ProcessorStatus::default()),
            ..PipelineStatus::default()
        }
    }

    fn after(edit: Edit) -> PipelineStatus {
        let mut next = status();
        edit(&mut next);
        next
    }

    #[test]
    fn summary_matters_more_than_steps_components_and_numbers() {
        let components: [Edit; 3] = [
            |it| it.conditions[2].reason = "Processing".to_owned(),
            |it| it.conditions[0].message = "1 of 1".to_owned(),
            |it| it.processor.as_mut().unwrap().ready_replicas = 1,
        ];
        let volatile: [Edit; 3] = [
            |it| it.processor.as_mut().unwrap().lag = Some(7),
            |it| it.producer.as_mut().unwrap().last_success_time = Some(Time(Timestamp::UNIX_EPOCH)),
            |it| it.producer.as_mut().unwrap().last_schedule_time = Some(Time(Timestamp::UNIX_EPOCH)),
        ];
        let progress: [Edit; 2] = [
            |it| it.conditions[..2].iter_mut().for_each(|it| it.reason = "LagUnknown".to_owned()),
            |it| it.topic = Some(TopicStatus::default()),
        ];
        let summary: [Edit; 6] = [
            |it| it.conditions[0].status = "True".to_owned(),
            |it| it.conditions[1].status = "False".to_owned(),
            |it| it.conditions.truncate(1),
            |it| it.observed_generation = Some(2),
            |it| it.phase = Some(Phase::Degraded),
            |it| it.producer.as_mut().unwrap().observed_trigger_nonce = Some(1),
        ];
        for (edits, expected) in [
            (&components[..], StatusChange::Components),
            (&volatile[..], StatusChange::Volatile),
            (&progress[..], StatusChange::Progress),
            (&summary[..], StatusChange::Summary),
        ] {
            for (number, edit) in edits.iter().enumerate() {
                let next = after(*edit);
                let change = StatusChange::between(Some(&status()), &next);
                assert_eq!(change, expected, "edit {number}: {next:#?}");
            }
        }
    }

    #[test]
    fn first_status_is_progress_unless_a_run_has_started() {
        assert_eq!(StatusChange::between(None, &status()), StatusChange::Progress);
        let runs = after(|it| it.producer.as_mut().unwrap().observed_trigger_nonce = Some(1));
        assert_eq!(StatusChange::between(None, &runs), StatusChange::Summary);
    }

    #[test]
    fn end_of_progress_is_a_summary_change() {
        let running = after(|it| {
            (it.conditions[0].status, it.conditions[1].status) = ("True".to_owned(), "False".to_owned());
        });
        let stuck = after(|it| it.conditions[1].status = "False".to_owned());
        for (before, next) in [
            (Some(&running), &status()),
            (Some(&stuck), &running),
            (Some(&running), &stuck),
            (None, &running),
            (None, &stuck),
        ] {
            assert_eq!(StatusChange::between(before, next), StatusChange::Summary);
        }
        let mut suspended = running.clone();
        suspended.conditions[0].reason = "Suspended".to_owned();
        assert_eq!(StatusChange::between(Some(&running), &suspended), StatusChange::Summary);
    }
}

mod times {
    use super::*;

    /// When a change is written that is seen after so many milliseconds, without load.
    fn write_at(throttle: &mut StatusThrottle, change: StatusChange, at: i64) -> Option<Timestamp> {
        throttle.write_at(change, false, &mut RateLimiter::default(), after_milliseconds(at))
    }

    #[test]
    fn step_is_written_only_when_it_lasts() {
        let at = |milliseconds| Some(after_milliseconds(milliseconds));
        let mut throttle = StatusThrottle::default();
        throttle.written(NOW);
        assert_eq!(write_at(&mut throttle, StatusChange::Progress, 7_000), at(8_000));
        assert_eq!(
            write_at(&mut throttle, StatusChange::Progress, 7_600),
            at(8_000),
            "since the first change"
        );
        assert_eq!(write_at(&mut throttle, StatusChange::Summary, 7_700), None);
        throttle.written(after_milliseconds(7_700));
        assert_eq!(write_at(&mut throttle, StatusChange::Progress, 7_800), at(8_800));
        let mut limiter = RateLimiter::default();
        let under_load =
            throttle.write_at(StatusChange::Progress, true, &mut limiter, after_milliseconds(7_900));
        assert_eq!(under_load, at(17_800));
        throttle.unchanged();
        let again = write_at(&mut throttle, StatusChange::Progress, 8_700);
        assert_eq!(again, at(9_700), "the status was as written in between");
        assert_eq!(write_at(&mut throttle, StatusChange::Progress, 9_700), None);
        assert_eq!(
            write_at(&mut throttle, StatusChange::Components, 9_800),
            at(12_700),
            "5 s after the write"
        );
        assert_eq!(write_at(&mut throttle, StatusChange::Components, 12_700), None);
    }

    #[test]
    fn volatile_fields_keep_their_reserved_slot() {
        let at = after_milliseconds;
        let (mut first, mut second) = (StatusThrottle::default(), StatusThrottle::default());
        let mut limiter = RateLimiter::default();
        first.written(after_seconds(-60));
        assert_eq!(first.write_at(StatusChange::Volatile, false, &mut limiter, NOW), None);
        first.written(NOW);
        let slot = second.write_at(StatusChange::Volatile, false, &mut limiter, NOW);
        assert!(slot.is_some_and(|slot| slot > NOW), "the first pipeline has used this one: {slot:?}");
        assert_eq!(second.write_at(StatusChange::Volatile, false, &mut limiter, at(1)), slot);
        let components = second.write_at(StatusChange::Components, false, &mut limiter, at(1));
        assert_eq!(components, None, "more has changed than volatile fields");
        assert_eq!(second.write_at(StatusChange::Volatile, false, &mut limiter, at(1_000)), None);
        let next = first.write_at(StatusChange::Volatile, false, &mut limiter, at(1_000));
        assert!(next >= Some(at(5_000)), "{next:?}");
    }

    #[test]
    fn rate_limiter_reserves_even_slots_and_none_early() {
        let mut limiter = RateLimiter::default();
        let slots = [0, 0, 50, 1_000, 1_000].map(|earliest| limiter.reserve(after_milliseconds(earliest)));
        assert_eq!(slots, [0, 100, 200, 1_000, 1_100].map(after_milliseconds));
    }
}
