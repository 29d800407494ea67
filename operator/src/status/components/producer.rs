//! The producer: one that runs all the time, or the runs of a schedule.

use std::time::Duration;

use jiff::Timestamp;
use userstream_crds::model::{Cadence, Source};
use userstream_crds::names::Component;
use userstream_crds::worker_pod::last_termination;

use super::{first, why_not_up};
use crate::lifecycle::rollout::{Revision, RolloutPlan, ValidInput};
use crate::model::cron_job_history;
use crate::model::names::Names;
use crate::model::worker_reports;
use crate::model::workload::Rollout;
use crate::status::condition::{ConditionStatus, Type, Verdict};

/// The verdict of the producer; `None` without a source.
pub(in crate::status) fn producer(situation: &ValidInput<'_>, steps: &RolloutPlan) -> Option<Verdict> {
    let of = Type::ProducerReady;
    let source = situation.pipeline.source.as_ref()?;
    if situation.pipeline.suspend {
        return Some(Verdict::new(of, false, "Suspended", "the producer is suspended"));
    }
    if steps.producer == Revision::None {
        return Some(Verdict::new(
            of,
            false,
            "AwaitingProcessors",
            "the producer starts once processors are ready for its records",
        ));
    }
    Some(match &source.cadence {
        Cadence::Continuous { interval } => continuous(situation, steps, *interval),
        Cadence::Scheduled(_) => scheduled(situation, source),
    })
}

fn continuous(situation: &ValidInput<'_>, steps: &RolloutPlan, interval: Duration) -> Verdict {
    let of = Type::ProducerReady;
    let report = worker_reports::producer(situation.observed, situation.now);
    let missing = report.as_ref().and_then(|report| first(&report.missing));
    let why = |why: Option<String>| why.map(|why| format!(": {why}")).unwrap_or_default();
    // Before the rollout: a producer whose runs fail is not available either, and that is the lesser news.
    let fails = |since| Verdict::new(of, false, "RunsFail", format!("{since}{}", why(missing.clone())));
    match &report {
        Some(report) if report.last_success.is_some_and(|at| is_old(at, interval, situation.now)) => {
            return fails("no run has ended well for three intervals and two minutes");
        }
        Some(report) if report.last_success.is_none() && report.only_failures => {
            return fails("no run has ended well yet");
        }
        _ => {}
    }
    if !steps.producer_rollout.is_complete() {
        let why = why(why_not_up(situation.observed, Component::Producer).or(missing));
        let stuck = matches!(steps.producer_rollout, Rollout::Progressing { is_stuck: true, .. });
        let reason = if stuck { "RolloutStuck" } else { "RollingOut" };
        return Verdict::new(of, false, reason, format!("the producer is not up to date and available{why}"));
    }
    match report {
        None => Verdict::new(
            of,
            ConditionStatus::Unknown,
            "NotHeard",
            "the producer has not told how its runs go yet",
        ),
        Some(report) if report.last_success.is_none() => {
            Verdict::new(of, false, "AwaitingFirstRun", format!("no run has ended yet{}", why(missing)))
        }
        Some(_) => Verdict::new(of, true, "Producing", "the last run ended well"),
    }
}

/// Three intervals, and some for a slow page.
fn is_old(at: Timestamp, interval: Duration, now: Timestamp) -> bool {
    let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
    age > interval.saturating_mul(3) + Duration::from_secs(120)
}

fn scheduled(situation: &ValidInput<'_>, source: &Source) -> Verdict {
    let of = Type::ProducerReady;
    let Cadence::Scheduled(schedule) = &source.cadence else {
        return Verdict::new(of, ConditionStatus::Unknown, "NotHeard", "the source has no schedule");
    };
    let cron_job = Names(&situation.pipeline.name).of(Component::Producer);
    match cron_job_history::last_ended(situation.observed, &cron_job) {
        Some((job, false)) => {
            let why = last_termination(situation.observed.pods_of_job(job))
                .map(|ended| format!(": {}", ended.message));
            Verdict::new(
                of,
                false,
                "LastRunFailed",
                format!("the last run failed{}", why.unwrap_or_default()),
            )
        }
        Some((_, true)) => Verdict::new(of, true, "LastRunSucceeded", "the last run ended well"),
        None => Verdict::new(
            of,
            true,
            "Scheduled",
            format!(
                "the first run is due at {}, {}",
                schedule.cron,
                schedule.time_zone.iana_name().unwrap_or("UTC")
            ),
        ),
    }
}
