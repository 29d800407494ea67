//! What the operator's metrics report of a pipeline. The counters of a scheduled run end with its pod before Prometheus
//! scrapes it, so its failures and its lateness are reported from here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::model::{Cadence, Mode, Schedule};
use userstream_crds::names::Component;
use userstream_crds::source::SourceMode;
use userstream_crds::status::PipelineStatus;
use userstream_crds::worker_pod::finished;

use crate::model::input::ValidInput;
use crate::model::names::Names;
use crate::model::observed::Observed;

/// What the operator's metrics report of a pipeline. A value that is unknown is not reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineSample {
    /// When its source runs; `None` without a source, or while the spec is refused.
    pub source: Option<SourceMode>,
    /// Whether `Ready` is true; `None` while it is unknown.
    pub is_ready: Option<bool>,
    /// Whether `Stalled` is true.
    pub is_stalled: bool,
    /// Whether the spec suspends it.
    pub is_suspended: bool,
    /// Records that are not written yet.
    pub lag: Option<i64>,
    /// Dead letters in their topic.
    pub dead_letters: Option<i64>,
    /// When a run of the source last succeeded.
    pub last_success: Option<Timestamp>,
    /// When the scheduled run after the last successful one is due.
    pub next_run: Option<Timestamp>,
    /// Whether the last scheduled run that has finished has failed.
    pub last_run_failed: Option<bool>,
    /// Failed scheduled and manual runs.
    pub failed_runs: u64,
}

impl PipelineSample {
    /// The sample of a pipeline with this status.
    #[must_use]
    pub fn of(status: &PipelineStatus) -> Self {
        let ready = status.find(ConditionType::Ready).map(|ready| ready.status.as_str());
        let last_run = status.reason(ConditionType::ProducerReady);
        Self {
            is_ready: ready.filter(|status| *status != "Unknown").map(|status| status == "True"),
            is_stalled: status.is_true(ConditionType::Stalled),
            lag: status.processor.as_ref().and_then(|processor| processor.lag),
            dead_letters: status.dead_letter.as_ref().and_then(|letters| letters.depth),
            last_success: status.producer.as_ref().and_then(|it| Some(it.last_success_time.as_ref()?.0)),
            last_run_failed: match last_run {
                Some(Reason::LastRunFailed) => Some(true),
                Some(Reason::LastRunSucceeded) => Some(false),
                _ => None,
            },
            ..Self::default()
        }
    }

    /// The sample with what the spec and the history of the pipeline's runs say.
    #[must_use]
    pub fn with_runs(self, input: &ValidInput<'_>, history: &RunHistory) -> Self {
        let source = input.resource.spec.source.as_ref().map(|source| source.mode);
        let next_run = active_schedule(input).and_then(|schedule| {
            let cron_job = input.observed.cron_job(&Names(&input.pipeline.name).of(Component::Producer))?;
            let created = cron_job.metadata.creation_timestamp.as_ref().map(|time| time.0);
            let last = [created, self.last_success, history.changed_at].into_iter().flatten().max()?;
            schedule.cron.next_after(last, &schedule.time_zone)
        });
        let is_suspended = input.pipeline.suspend;
        Self { source, is_suspended, next_run, failed_runs: history.failed_runs, ..self }
    }
}

/// The schedule of a pipeline that is neither suspended, nor in mode Plan, nor being deleted.
fn active_schedule<'a>(input: &ValidInput<'a>) -> Option<&'a Schedule> {
    let is_deleted = input.resource.metadata.deletion_timestamp.is_some();
    if input.pipeline.suspend || input.pipeline.mode == Mode::Plan || is_deleted {
        return None;
    }
    match &input.pipeline.source.as_ref()?.cadence {
        Cadence::Continuous { .. } => None,
        Cadence::Scheduled(schedule) => Some(schedule),
    }
}

/// What the operator has seen of a pipeline's runs since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunHistory {
    last: Option<Observation>,
    /// When the schedule changed, or a suspended pipeline resumed: no run was due before.
    changed_at: Option<Timestamp>,
    failed_runs: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Observation {
    /// The schedule in effect, with its time zone.
    schedule: Option<String>,
    /// The UIDs of the failed Jobs that exist.
    failed: BTreeSet<String>,
}

impl RunHistory {
    /// Records what is observed. Failures before the first observation are not counted: the operator may have counted
    /// them before it restarted.
    pub fn observe(&mut self, input: &ValidInput<'_>) {
        let schedule = active_schedule(input)
            .map(|it| format!("{} {}", it.cron.as_str(), it.time_zone.iana_name().unwrap_or("UTC")));
        let next = Observation { schedule, failed: failed_runs(input.observed) };
        if let Some(last) = &self.last {
            let new = next.failed.difference(&last.failed).count();
            self.failed_runs = self.failed_runs.saturating_add(u64::try_from(new).unwrap_or(u64::MAX));
            if next.schedule.is_some() && last.schedule != next.schedule {
                self.changed_at = Some(input.now);
            }
        }
        self.last = Some(next);
    }
}

fn failed_runs(observed: &Observed) -> BTreeSet<String> {
    let is_run = |job: &Job| [Component::Producer, Component::Run].iter().any(|it| it.is_of(job));
    let failed = observed.jobs.iter().filter(|job| is_run(job) && finished(job) == Some(false));
    failed.filter_map(|job| job.uid()).collect()
}
