//! The processors.

use userstream_crds::names::Component;

use super::{first, why_not_up};
use crate::lifecycle::rollout::{Revision, RolloutPlan, ValidInput};
use crate::model::workload::Rollout;
use crate::status::condition::{Type, Verdict};

/// The verdict of the processors.
pub(in crate::status) fn processor(situation: &ValidInput<'_>, steps: &RolloutPlan) -> Verdict {
    let of = Type::ProcessorReady;
    if situation.pipeline.suspend {
        return Verdict::new(of, false, "Suspended", "the processors are suspended");
    }
    match (&steps.processor, &steps.processor_rollout) {
        (Revision::None, _) => Verdict::new(
            of,
            false,
            "AwaitingProvisioning",
            "processors start once topic and table are provisioned",
        ),
        (_, Rollout::Absent) => {
            rolling_out(situation, steps, 0, i32::try_from(steps.replicas).unwrap_or(i32::MAX), false)
        }
        (_, Rollout::Progressing { updated_and_available, desired, is_stuck }) => {
            rolling_out(situation, steps, *updated_and_available, *desired, *is_stuck)
        }
        (_, Rollout::Complete { replicas: 0 }) => {
            Verdict::new(of, false, "ScaledToZero", "processor.replicas is 0: records stay in the topic")
        }
        (_, Rollout::Complete { .. }) if steps.processors.lag.is_none() => {
            let why = first(&steps.processors.missing)
                .unwrap_or_else(|| "not every partition is accounted for yet".to_owned());
            Verdict::new(of, false, "LagUnknown", format!("the processors' lag is not known: {why}"))
        }
        (Revision::Desired, Rollout::Complete { replicas }) => Verdict::new(
            of,
            true,
            "Processing",
            format!("{replicas} processors are up to date and report their lag"),
        ),
        (Revision::LastGood(_) | Revision::Unknown, Rollout::Complete { replicas }) => Verdict::new(
            of,
            true,
            "LastGoodConfiguration",
            format!("{replicas} processors go on with the last good configuration"),
        ),
    }
}

fn rolling_out(
    situation: &ValidInput<'_>,
    steps: &RolloutPlan,
    up: i32,
    desired: i32,
    is_stuck: bool,
) -> Verdict {
    let why = why_not_up(situation.observed, Component::Processor)
        .or_else(|| first(&steps.processors.missing))
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    let reason = if is_stuck { "RolloutStuck" } else { "RollingOut" };
    let message = format!("{up} of {desired} processors are up to date and available{why}");
    Verdict::new(Type::ProcessorReady, false, reason, message)
}
