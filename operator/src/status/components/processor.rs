//! Whether the processors work.

use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::names::Component;

use super::{because, first, why_unavailable};
use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::model::input::ValidInput;
use crate::model::workload::RolloutStatus;
use crate::status::condition::Condition;

/// The condition of the processors.
pub(in crate::status) fn processor(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Condition {
    let condition =
        |is, reason, message: String| Condition::new(ConditionType::ProcessorReady, is, reason, message);
    if input.pipeline.suspend {
        return condition(false, Reason::Suspended, "the processors are suspended".to_owned());
    }
    match (&rollout.processor, &rollout.processor_rollout) {
        (Revision::None, _) => {
            let message = "processors start once topic and table are provisioned".to_owned();
            condition(false, Reason::AwaitingProvisioning, message)
        }
        (_, RolloutStatus::Absent | RolloutStatus::Progressing { .. }) => rolling_out(input, rollout),
        (_, RolloutStatus::Complete { replicas: 0 }) => {
            let message = "processor.replicas is 0: records stay in the topic".to_owned();
            condition(false, Reason::ScaledToZero, message)
        }
        (_, RolloutStatus::Complete { .. }) if rollout.processors.lag.is_none() => {
            let why = first(&rollout.processors.missing)
                .unwrap_or_else(|| "not every partition reports its lag yet".to_owned());
            condition(false, Reason::LagUnknown, format!("the processors' lag is unknown: {why}"))
        }
        (Revision::Desired, RolloutStatus::Complete { replicas: 1 }) => {
            let message = "1 processor is up to date and reports its lag".to_owned();
            condition(true, Reason::Processing, message)
        }
        (Revision::Desired, RolloutStatus::Complete { replicas }) => {
            let message = format!("{replicas} processors are up to date and report their lag");
            condition(true, Reason::Processing, message)
        }
        (Revision::LastGood(_) | Revision::Unknown, RolloutStatus::Complete { replicas }) => {
            let processors = if *replicas == 1 { "processor keeps" } else { "processors keep" };
            let message = format!("{replicas} {processors} the last good configuration");
            condition(true, Reason::LastGoodConfiguration, message)
        }
    }
}

fn rolling_out(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Condition {
    let (available, desired, is_stuck) = match rollout.processor_rollout {
        RolloutStatus::Progressing { updated_and_available, desired, is_stuck } => {
            (updated_and_available, desired, is_stuck)
        }
        RolloutStatus::Absent | RolloutStatus::Complete { .. } => {
            (0, i32::try_from(rollout.replicas).unwrap_or(i32::MAX), false)
        }
    };
    let why =
        why_unavailable(input.observed, Component::Processor).or_else(|| first(&rollout.processors.missing));
    let reason = if is_stuck { Reason::RolloutStuck } else { Reason::RollingOut };
    let message = format!("{available} of {desired} processors are up to date and available{}", because(why));
    Condition::new(ConditionType::ProcessorReady, false, reason, message)
}
