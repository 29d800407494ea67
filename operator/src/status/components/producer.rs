//! Whether the producer works: a continuous one, or the runs of a schedule.

use std::time::Duration;

use jiff::Timestamp;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::model::{Cadence, Schedule};
use userstream_crds::names::Component;
use userstream_crds::worker_pod::last_termination;

use super::{because, first, why_unavailable};
use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::model::cron_job_history;
use crate::model::input::ValidInput;
use crate::model::names::Names;
use crate::model::workload::RolloutStatus;
use crate::status::condition::{Condition, ConditionStatus};

/// The condition of the producer; `None` without a source.
pub(in crate::status) fn producer(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Option<Condition> {
    let source = input.pipeline.source.as_ref()?;
    if input.pipeline.suspend {
        return Some(condition(false, Reason::Suspended, "the producer is suspended"));
    }
    if rollout.producer == Revision::None {
        let message = "the producer starts once processors are ready for its records";
        return Some(condition(false, Reason::AwaitingProcessors, message));
    }
    Some(match &source.cadence {
        Cadence::Continuous { interval } => continuous(input, rollout, *interval),
        Cadence::Scheduled(schedule) => scheduled(input, schedule),
    })
}

fn condition(status: impl Into<ConditionStatus>, reason: Reason, message: impl Into<String>) -> Condition {
    Condition::new(ConditionType::ProducerReady, status, reason, message)
}

fn continuous(input: &ValidInput<'_>, rollout: &RolloutPlan, interval: Duration) -> Condition {
    let report = rollout.producer_report.as_ref();
    let missing = report.and_then(|report| first(&report.missing));
    let runs_fail =
        |since| condition(false, Reason::RunsFail, format!("{since}{}", because(missing.clone())));
    // Before the rollout: a producer whose runs fail is not available either, and the failed runs say why.
    match report {
        Some(report) if report.last_success.is_some_and(|at| is_overdue(at, interval, input.now)) => {
            return runs_fail("no run has succeeded for three intervals and two minutes");
        }
        Some(report) if report.last_success.is_none() && report.only_failures => {
            return runs_fail("no run has succeeded yet");
        }
        _ => {}
    }
    if !rollout.producer_rollout.is_complete() {
        let why = because(why_unavailable(input.observed, Component::Producer).or(missing));
        let is_stuck = matches!(rollout.producer_rollout, RolloutStatus::Progressing { is_stuck: true, .. });
        let reason = if is_stuck { Reason::RolloutStuck } else { Reason::RollingOut };
        return condition(false, reason, format!("the producer is not up to date and available{why}"));
    }
    match report {
        None => {
            let message = "the producer has not reported on its runs yet";
            condition(ConditionStatus::Unknown, Reason::RunsUnknown, message)
        }
        Some(report) if report.last_success.is_none() => {
            let message = format!("no run has finished yet{}", because(missing));
            condition(false, Reason::AwaitingFirstRun, message)
        }
        Some(_) => condition(true, Reason::Producing, "the last run succeeded"),
    }
}

/// Whether the last success is longer ago than three intervals and two minutes, which a slow page may take.
fn is_overdue(last_success: Timestamp, interval: Duration, now: Timestamp) -> bool {
    let age = Duration::try_from(now.duration_since(last_success)).unwrap_or_default();
    age > interval.saturating_mul(3) + Duration::from_secs(120)
}

fn scheduled(input: &ValidInput<'_>, schedule: &Schedule) -> Condition {
    let cron_job = Names(&input.pipeline.name).of(Component::Producer);
    match cron_job_history::last_finished(input.observed, &cron_job) {
        Some((job, false)) => {
            let why = last_termination(input.observed.pods_of_job(job)).map(|ended| ended.message);
            condition(false, Reason::LastRunFailed, format!("the last run failed{}", because(why)))
        }
        Some((_, true)) => condition(true, Reason::LastRunSucceeded, "the last run succeeded"),
        None => {
            let time_zone = schedule.time_zone.iana_name().unwrap_or("UTC");
            let message = format!("the first run is due at {}, {time_zone}", schedule.cron);
            condition(true, Reason::Scheduled, message)
        }
    }
}
