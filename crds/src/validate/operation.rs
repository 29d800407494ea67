//! `spec.delivery`, `spec.replay`, `spec.autoscaling` and `spec.objectives`.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Autoscaling, DeadLetterTopic, OnError, Replay};
use crate::resource::delivery::{Guarantee, OnErrorPolicy};
use crate::resource::operation::{AutoscalingSpec, ObjectivesSpec, ReplaySpec};
use crate::resource::pipeline::PipelineSpec;
use crate::rules;

use super::report::{Found, Report};

const LONGEST_TOPIC_NAME: usize = 249;

/// The name of the dead-letter topic as the resource has it, where records that fail go there.
pub(super) fn dead_letter_name(spec: &PipelineSpec) -> Option<String> {
    (spec.delivery.on_error == OnErrorPolicy::DeadLetter).then(|| {
        let name = spec.delivery.dead_letter.topic_name.clone();
        name.unwrap_or_else(|| format!("{}.dlq", spec.kafka.topic.name))
    })
}

pub(super) fn on_error(spec: &PipelineSpec, report: &mut Report) -> Option<OnError> {
    let delivery = &spec.delivery;
    match delivery.on_error {
        OnErrorPolicy::Fail => Some(OnError::Fail),
        OnErrorPolicy::Skip => report
            .require(delivery.guarantee == Guarantee::AtLeastOnce, "spec.delivery.onError", &rules::NO_SKIP)
            .then_some(OnError::Skip),
        OnErrorPolicy::DeadLetter => {
            let path = "spec.delivery.deadLetter.topicName";
            let name = dead_letter_name(spec)?;
            // A derived name that does not parse was reported with the topic's.
            let name = match &delivery.dead_letter.topic_name {
                Some(name) => super::kafka::name(path, name, LONGEST_TOPIC_NAME, report),
                None => name.parse().ok(),
            };
            let differs = name.as_ref().is_none_or(|name| name.as_str() != spec.kafka.topic.name);
            report.require(differs, path, &rules::TOPICS_DIFFER);
            let partitions =
                positive("spec.delivery.deadLetter.partitions", delivery.dead_letter.partitions, report);
            Some(OnError::DeadLetter(DeadLetterTopic {
                name: name?,
                partitions: partitions?,
                redrive_nonce: delivery.dead_letter.redrive_nonce,
            }))
        }
    }
}

fn positive(path: &str, number: i32, report: &mut Report) -> Option<NonZeroU32> {
    let number: u32 = report.number(path, number)?;
    report.number(path, number)
}

pub(super) fn replay(replay: &ReplaySpec, report: &mut Report) -> Option<Replay> {
    let mut time = |name: &str, text: &Option<String>| match text {
        None => Some(None),
        Some(text) => {
            let time = text.parse::<Timestamp>().ok();
            if time.is_none() {
                report.refuse_because(format!("spec.replay.{name}"), &rules::REPLAY_TIME, Found(text));
            }
            time.map(Some)
        }
    };
    let from = time("from", &replay.from);
    let to = time("to", &replay.to);
    if let (Some(Some(from)), Some(Some(to))) = (from, to) {
        report.require(from < to, "spec.replay.to", &rules::REPLAY_TIME);
    }
    let rate = positive("spec.replay.maxRecordsPerSecond", replay.max_records_per_second, report);
    Some(Replay { nonce: replay.nonce, from: from?, to: to?, max_records_per_second: rate? })
}

pub(super) fn autoscaling(
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
    let min_replicas = positive(&at("minReplicas"), autoscaling.min_replicas, report);
    let max_replicas = match autoscaling.max_replicas {
        Some(most) => positive(&at("maxReplicas"), most, report),
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

pub(super) fn freshness(objectives: &ObjectivesSpec, report: &mut Report) -> Option<Option<Duration>> {
    match objectives.freshness {
        None => Some(None),
        Some(freshness) => report.positive("spec.objectives.freshness", freshness).map(Some),
    }
}
