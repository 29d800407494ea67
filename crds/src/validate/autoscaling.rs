//! `spec.autoscaling`.

use std::num::{NonZeroU32, NonZeroU64};

use crate::model::Autoscaling;
use crate::resource::autoscaling::AutoscalingSpec;
use crate::rules;

use super::report::Report;

pub(super) fn build(
    autoscaling: &AutoscalingSpec,
    partitions: i32,
    report: &mut Report,
) -> Option<Option<Autoscaling>> {
    let at = |field: &str| format!("spec.autoscaling.{field}");
    // Partitions that are out of range were reported with the topic.
    let partitions = partitions.max(1);
    let most = autoscaling.max_replicas.unwrap_or(partitions);
    report.require(most <= partitions, at("maxReplicas"), &rules::MAX_REPLICAS_WITHIN_PARTITIONS);
    report.require(autoscaling.min_replicas <= most, at("minReplicas"), &rules::MIN_REPLICAS_WITHIN_MAX);
    let min_replicas = report.positive_number(&at("minReplicas"), autoscaling.min_replicas);
    let max_replicas = match autoscaling.max_replicas {
        Some(most) => report.positive_number(&at("maxReplicas"), most),
        None => u32::try_from(most).ok().and_then(NonZeroU32::new),
    };
    let lag_threshold: Option<u64> = report.number(at("lagThreshold"), autoscaling.lag_threshold);
    let lag_threshold: Option<NonZeroU64> =
        lag_threshold.and_then(|threshold| report.number(at("lagThreshold"), threshold));
    let sink_latency_ceiling = report.positive(at("sinkLatencyCeiling"), autoscaling.sink_latency_ceiling);
    let built = Autoscaling {
        min_replicas: min_replicas?,
        max_replicas: max_replicas?,
        lag_threshold: lag_threshold?,
        cooldown: autoscaling.cooldown.get(),
        sink_latency_ceiling: sink_latency_ceiling?,
    };
    Some(autoscaling.enabled.then_some(built))
}
