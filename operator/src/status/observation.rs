//! What was seen, as the status keeps it: topic, table, processors, producer, dead letters, the plan.

use jiff::Timestamp;
use userstream_crds::model::Cadence;
use userstream_crds::names::Component;
use userstream_crds::status::{
    DeadLetterStatus, PipelineStatus, ProcessorStatus, ProducerStatus, TableStatus, TopicStatus,
};

use super::condition::seconds;
use super::slow::rounded;
use crate::lifecycle::rollout::{RolloutPlan, Run, ValidInput};
use crate::model::cron_job_history;
use crate::model::job_state::JobState;
use crate::model::names::{Names, selector_text};
use crate::model::worker_reports;

/// Takes over what was seen, and what has come into being since if all `is_applied`.
pub(super) fn observe(
    status: &mut PipelineStatus,
    situation: &ValidInput<'_>,
    steps: &RolloutPlan,
    is_applied: bool,
    object_changes: &[String],
    now: Timestamp,
) {
    let ValidInput { pipeline, observed, .. } = *situation;
    if let Some(done) = steps.provision.state.termination().filter(|_| steps.provision.state.has_succeeded())
    {
        if let Some(topic) = &done.report.topic {
            status.topic = Some(TopicStatus {
                name: topic.name.clone(),
                topic_id: topic.topic_id.clone(),
                partitions: topic.partitions.try_into().unwrap_or(i32::MAX),
                replicas: topic.replicas.unwrap_or_default().into(),
            });
        }
        if let Some(table) = &done.report.table {
            let before = status.table.as_ref().and_then(|table| table.last_ddl.clone());
            status.table = Some(TableStatus {
                keyspace: table.keyspace.clone(),
                name: table.name.clone(),
                table_id: Some(table.table_id.clone()),
                last_ddl: table.last_ddl.clone().or(before),
            });
        }
    }
    let names = Names(&pipeline.name);
    let deployment = observed.deployment(&names.of(Component::Processor)).and_then(|it| it.status.as_ref());
    let (lag, last_row) = (steps.processors.lag.map(rounded), steps.processors.last_row.map(seconds));
    let last_row_before = || status.processor.as_ref().and_then(|before| before.last_row_time.clone());
    let processor = ProcessorStatus {
        replicas: deployment.and_then(|it| it.replicas).unwrap_or_default(),
        ready_replicas: deployment.and_then(|it| it.ready_replicas).unwrap_or_default(),
        selector: Some(selector_text(&names.selector(Component::Processor))),
        lag,
        lag_observed_time: lag.map(|_| seconds(now)),
        // What nobody knows any more stays as it was known last.
        last_row_time: last_row.or_else(last_row_before),
    };
    status.processor = Some(processor);
    status.producer = producer(status.producer.as_ref(), situation, steps, is_applied);
    if let Some(depth) = steps.processors.dead_letters {
        status.dead_letter = Some(DeadLetterStatus { depth: Some(depth) });
    }
    status.plan = steps.plan.as_ref().map(|plan| planned(&plan.state, object_changes)).unwrap_or_default();
}

fn planned(state: &JobState, object_changes: &[String]) -> Vec<String> {
    let report = state.termination().map(|it| &it.report);
    let refused =
        report.iter().flat_map(|it| &it.refusals).map(|refusal| format!("refused: {}", refusal.text));
    let changes = report.iter().flat_map(|it| &it.changes).map(|line| line.text.clone());
    let drift = report.iter().flat_map(|it| &it.drift).map(|line| format!("left as it is: {}", line.text));
    let left_out = report.map(|it| it.left_out).filter(|count| *count > 0).map(|count| {
        format!("and {count} lines more, which did not fit here: `usp plan` prints all of them")
    });
    refused.chain(changes).chain(drift).chain(left_out).chain(object_changes.iter().cloned()).collect()
}

fn producer(
    before: Option<&ProducerStatus>,
    situation: &ValidInput<'_>,
    steps: &RolloutPlan,
    is_applied: bool,
) -> Option<ProducerStatus> {
    let source = situation.pipeline.source.as_ref()?;
    let name = Names(&situation.pipeline.name).of(Component::Producer);
    let (kind, last_schedule_time, last_success) = match &source.cadence {
        Cadence::Continuous { .. } => {
            let report = worker_reports::producer(situation.observed, situation.now);
            ("Deployment", None, report.and_then(|report| report.last_success))
        }
        Cadence::Scheduled(_) => {
            let cron_job = situation.observed.cron_job(&name).and_then(|it| it.status.as_ref());
            let last_schedule = cron_job.and_then(|status| status.last_schedule_time.clone());
            ("CronJob", last_schedule, cron_job_history::last_success(situation.observed, &name))
        }
    };
    let has_begun = |run: &&Run| run.task.state != JobState::Absent || (run.is_due && is_applied);
    let run = steps.run.as_ref().filter(has_begun).map(|run| run.nonce);
    let nonce_before = before.and_then(|before| before.observed_trigger_nonce);
    let success_before = || before.and_then(|before| before.last_success_time.clone());
    Some(ProducerStatus {
        kind: kind.to_owned(),
        name,
        last_schedule_time,
        last_success_time: last_success.map(seconds).or_else(success_before),
        observed_trigger_nonce: run.or(nonce_before),
    })
}
