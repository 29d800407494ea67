//! From the conditions of the components to those that sum a pipeline up: Ready, Reconciling, Stalled, and the phase.

use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::names::Component;
use userstream_crds::status::{Phase, PipelineStatus};

use super::ApplyFailure;
use super::components;
use super::condition::{Condition, ConditionStatus};
use crate::lifecycle::autoscaling::ScalingReason;
use crate::lifecycle::rollout::{PlannedJob, Revision, RolloutPlan};
use crate::model::input::ValidInput;
use crate::model::job_state::JobState;
use crate::model::names::Names;

/// The conditions of a pipeline whose rollout was applied, or a part of it.
pub(super) fn reconciled(
    input: &ValidInput<'_>,
    rollout: &RolloutPlan,
    failure: Option<&ApplyFailure>,
) -> Vec<Condition> {
    let mut components = components::provisioned(input, rollout);
    components.push(components::processor(input, rollout));
    components.extend(components::producer(input, rollout));
    let mut conditions = summary(input, rollout, &components, failure);
    conditions.extend(components);
    conditions.extend(components::freshness(input, rollout));
    conditions.extend(components::monitoring(input));
    conditions.extend(components::dead_letters(input, rollout));
    conditions.extend(rollout.scaling.map(|decision| {
        let is_active = !input.pipeline.suspend && decision.reason != ScalingReason::UnknownLag;
        let reason = decision.reason.reason();
        Condition::new(ConditionType::ScalingActive, is_active, reason, decision.reason.message())
    }));
    conditions
}

/// The conditions of a pipeline that nothing but a change by the user helps.
pub(super) fn refused(reason: Reason, message: &str) -> Vec<Condition> {
    vec![
        Condition::new(ConditionType::Ready, false, reason, message),
        Condition::new(ConditionType::Reconciling, false, reason, ""),
        Condition::new(ConditionType::Stalled, true, reason, message),
    ]
}

/// The conditions of a pipeline that the operator is working on.
pub(super) fn in_progress(reason: Reason, message: &str) -> Vec<Condition> {
    vec![
        Condition::new(ConditionType::Ready, false, reason, message),
        Condition::new(ConditionType::Reconciling, true, reason, message),
        Condition::new(ConditionType::Stalled, false, reason, ""),
    ]
}

/// The phase of a pipeline whose spec is refused: its workloads keep running.
pub(super) fn phase_when_refused(status: &PipelineStatus) -> Phase {
    let has_workload = status.processor.as_ref().is_some_and(|processor| processor.replicas > 0);
    if has_workload { Phase::Degraded } else { Phase::Failed }
}

/// `Ready`, and with it `Reconciling` and `Stalled`: of a terminal condition only the latter is true.
fn with_ready(ready: Condition, is_reconciling: bool) -> Vec<Condition> {
    let is_stalled = ready.is_terminal;
    let of = |of, is: bool| {
        Condition::new(of, is, ready.reason, if is { ready.message.clone() } else { String::new() })
    };
    let reconciling = of(ConditionType::Reconciling, is_reconciling && !is_stalled);
    vec![reconciling, of(ConditionType::Stalled, is_stalled), ready]
}

fn summary(
    input: &ValidInput<'_>,
    rollout: &RolloutPlan,
    components: &[Condition],
    failure: Option<&ApplyFailure>,
) -> Vec<Condition> {
    let ready = |is, reason, message: &str| Condition::new(ConditionType::Ready, is, reason, message);
    if let Some(failure) = failure {
        let ready = ready(false, failure.reason, &failure.message);
        return with_ready(if failure.is_terminal { ready.terminal() } else { ready }, true);
    }
    if let Some(plan) = &rollout.plan {
        return planning(plan);
    }
    if input.pipeline.suspend {
        let message = "the pipeline is suspended: set spec.suspend to false to resume it";
        let processors = input.observed.deployment(&Names(&input.pipeline.name).of(Component::Processor));
        let is_down = processors.and_then(|it| it.status.as_ref()?.replicas).is_none_or(|pods| pods == 0);
        return with_ready(ready(true, Reason::Suspended, message), !is_down);
    }
    let terminal = components.iter().find(|component| component.is_terminal);
    if let Some(worst) = terminal.or_else(|| components.iter().find(|component| !component.is_true())) {
        let ready = Condition { of: ConditionType::Ready, status: ConditionStatus::False, ..worst.clone() };
        // Nothing is in progress after a failed run or at a scale of zero.
        let is_reconciling = !matches!(worst.reason, Reason::LastRunFailed | Reason::ScaledToZero);
        return with_ready(ready, is_reconciling);
    }
    let is_behind = |revision: &Revision| matches!(revision, Revision::LastGood(_) | Revision::Unknown);
    if is_behind(&rollout.processor) || is_behind(&rollout.producer) {
        return with_ready(ready(false, Reason::TakingOver, "the changed spec is being rolled out"), true);
    }
    with_ready(ready(true, Reason::Running, "records flow"), false)
}

/// The conditions in mode Plan.
fn planning(plan: &PlannedJob) -> Vec<Condition> {
    let ready = |reason, message: String| Condition::new(ConditionType::Ready, false, reason, message);
    match &plan.state {
        JobState::Succeeded(_) => {
            let message = "mode is Plan: what it would change is in status.plan".to_owned();
            with_ready(ready(Reason::Planned, message), false)
        }
        state => {
            let last = state.termination().map(|last| format!(": {}", last.message)).unwrap_or_default();
            let message = format!("mode is Plan: changes are being computed{last}");
            with_ready(ready(Reason::Planning, message), true)
        }
    }
}

/// The phase that goes with these conditions.
pub(super) fn phase(input: &ValidInput<'_>, rollout: &RolloutPlan, conditions: &[Condition]) -> Phase {
    let is = |of| conditions.iter().any(|condition| condition.of == of && condition.is_true());
    let has_processors = rollout.processor != Revision::None;
    if input.pipeline.suspend {
        Phase::Suspended
    } else if rollout.plan.is_some() {
        input.resource.status.as_ref().and_then(|status| status.phase).unwrap_or(Phase::Pending)
    } else if is(ConditionType::Ready) {
        Phase::Running
    } else if has_processors && (has_run(input) || is(ConditionType::Stalled)) {
        Phase::Degraded
    } else if !has_processors && is(ConditionType::Stalled) {
        Phase::Failed
    } else {
        Phase::Provisioning
    }
}

/// Whether records have flowed before: then what is missing now is a fault, and before it is progress.
fn has_run(input: &ValidInput<'_>) -> bool {
    let phase = input.resource.status.as_ref().and_then(|status| status.phase);
    matches!(phase, Some(Phase::Running | Phase::Degraded))
}
