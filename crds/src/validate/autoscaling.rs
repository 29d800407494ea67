//! `spec.autoscaling`.

use std::num::NonZeroU64;

use crate::model::Autoscaling;
use crate::resource::autoscaling::AutoscalingSpec;
use crate::resource::kafka::TopicSpec;
use crate::rules;

use super::kafka::most_processors;
use super::violations::Violations;

pub(super) fn build(
    autoscaling: &AutoscalingSpec,
    topic: &TopicSpec,
    violations: &mut Violations,
) -> Option<Option<Autoscaling>> {
    let at = |field: &str| format!("spec.autoscaling.{field}");
    let limit = most_processors(topic);
    let most = autoscaling.max_replicas.unwrap_or(limit);
    violations.require(most <= limit, at("maxReplicas"), &rules::MAX_REPLICAS_WITHIN_PARTITIONS);
    violations.require(autoscaling.min_replicas <= most, at("minReplicas"), &rules::MIN_REPLICAS_WITHIN_MAX);
    let min_replicas = violations.positive_number(at("minReplicas"), autoscaling.min_replicas);
    let max_replicas = match autoscaling.max_replicas {
        Some(most) => violations.positive_number(at("maxReplicas"), most).map(Some),
        None => Some(None),
    };
    let lag_threshold: Option<u64> = violations.number(at("lagThreshold"), autoscaling.lag_threshold);
    let lag_threshold: Option<NonZeroU64> =
        lag_threshold.and_then(|threshold| violations.number(at("lagThreshold"), threshold));
    let built = Autoscaling {
        min_replicas: min_replicas?,
        max_replicas: max_replicas?,
        lag_threshold: lag_threshold?,
        cooldown: autoscaling.cooldown.get(),
    };
    Some(autoscaling.enabled.then_some(built))
}
