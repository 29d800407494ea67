//! The fields of the status besides conditions: topic, table, processors, producer, dead letters, the plan.

use userstream_crds::model::Cadence;
use userstream_crds::names::Component;
use userstream_crds::status::{
    DeadLetterStatus, PipelineStatus, ProcessorStatus, ProducerStatus, TableStatus, TopicStatus,
};

use super::condition::api_time;
use super::throttle::two_digits;
use crate::lifecycle::rollout::{ManualRun, RolloutPlan};
use crate::model::cron_job_history;
use crate::model::input::ValidInput;
use crate::model::job_state::JobState;
use crate::model::names::{Names, selector_text};

/// Updates the status with what was observed, and with what this reconcile has created if all of it `is_applied`.
pub(super) fn observe(
    status: &mut PipelineStatus,
    input: &ValidInput<'_>,
    rollout: &RolloutPlan,
    is_applied: bool,
    dry_run: &[String],
) {
    observe_provisioned(status, rollout);
    status.processor = Some(processor(status, input, rollout));
    status.producer = producer(status.producer.as_ref(), input, rollout, is_applied);
    if let Some(depth) = rollout.processors.dead_letters {
        status.dead_letter = Some(DeadLetterStatus { depth: Some(depth) });
    }
    status.plan = rollout.plan.as_ref().map(|plan| plan_lines(&plan.state, dry_run)).unwrap_or_default();
}

fn observe_provisioned(status: &mut PipelineStatus, rollout: &RolloutPlan) {
    let JobState::Succeeded(Some(done)) = &rollout.provision.state else { return };
    if let Some(topic) = &done.report.topic {
        // Partitions that were added since are known to the processors.
        let partitions = rollout.processors.partitions.unwrap_or(topic.partitions);
        status.topic = Some(TopicStatus {
            name: topic.name.clone(),
            topic_id: topic.topic_id.clone(),
            partitions: partitions.try_into().unwrap_or(i32::MAX),
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

fn processor(status: &PipelineStatus, input: &ValidInput<'_>, rollout: &RolloutPlan) -> ProcessorStatus {
    let names = Names(&input.pipeline.name);
    let deployment = input.observed.deployment(&names.of(Component::Processor));
    let deployment = deployment.and_then(|it| it.status.as_ref());
    let lag = rollout.processors.lag.map(two_digits);
    // The last known value stays while it is unknown.
    let last_row_before = || status.processor.as_ref().and_then(|before| before.last_row_time.clone());
    ProcessorStatus {
        replicas: deployment.and_then(|it| it.replicas).unwrap_or_default(),
        ready_replicas: deployment.and_then(|it| it.ready_replicas).unwrap_or_default(),
        selector: Some(selector_text(&names.selector(Component::Processor))),
        lag,
        lag_observed_time: lag.map(|_| api_time(input.now)),
        last_row_time: rollout.processors.last_row.map(api_time).or_else(last_row_before),
    }
}

fn producer(
    before: Option<&ProducerStatus>,
    input: &ValidInput<'_>,
    rollout: &RolloutPlan,
    is_applied: bool,
) -> Option<ProducerStatus> {
    let source = input.pipeline.source.as_ref()?;
    let name = Names(&input.pipeline.name).of(Component::Producer);
    let (kind, last_schedule_time, last_success) = match &source.cadence {
        Cadence::Continuous { .. } => {
            let report = rollout.producer_report.as_ref();
            ("Deployment", None, report.and_then(|report| report.last_success))
        }
        Cadence::Scheduled(_) => {
            let cron_job = input.observed.cron_job(&name).and_then(|it| it.status.as_ref());
            let last_schedule = cron_job.and_then(|status| status.last_schedule_time.clone());
            ("CronJob", last_schedule, cron_job_history::last_success(input.observed, &name))
        }
    };
    let has_started = |run: &&ManualRun| run.job.state != JobState::Absent || (run.is_due && is_applied);
    let nonce = rollout.run.as_ref().filter(has_started).map(|run| run.nonce);
    let nonce_before = before.and_then(|before| before.observed_trigger_nonce);
    let success_before = || before.and_then(|before| before.last_success_time.clone());
    Some(ProducerStatus {
        kind: kind.to_owned(),
        name,
        last_schedule_time,
        last_success_time: last_success.map(api_time).or_else(success_before),
        observed_trigger_nonce: nonce.max(nonce_before),
    })
}

/// What provisioning would refuse and change, what it would leave, and the changes of the dry run.
fn plan_lines(state: &JobState, dry_run: &[String]) -> Vec<String> {
    let report = state.termination().map(|it| &it.report);
    let refused =
        report.iter().flat_map(|it| &it.refusals).map(|refusal| format!("refused: {}", refusal.text));
    let changes = report.iter().flat_map(|it| &it.changes).map(|line| line.text.clone());
    let drift = report.iter().flat_map(|it| &it.drift).map(|line| format!("left as it is: {}", line.text));
    let left_out = report.map(|it| it.left_out).filter(|count| *count > 0);
    let left_out =
        left_out.map(|count| format!("{count} more lines do not fit here: `usp plan` prints all of them"));
    refused.chain(changes).chain(drift).chain(left_out).chain(dry_run.iter().cloned()).collect()
}
