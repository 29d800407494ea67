//! `spec.processor`.

use std::num::NonZeroU32;

use crate::model::Processor;
use crate::resource::pipeline::PipelineSpec;
use crate::rules;
use crate::scalar::identifier::{NamespaceName, PipelineName};

use super::expressions;
use super::fields::DeclaredFields;
use super::kafka::most_processors;
use super::violations::Violations;

pub(super) fn build(
    spec: &PipelineSpec,
    namespace: Option<&NamespaceName>,
    name: Option<&PipelineName>,
    declared: &DeclaredFields<'_>,
    violations: &mut Violations,
) -> Option<Processor> {
    let processor = &spec.processor;
    let replicas = replicas(spec, violations);
    let group = match (&processor.consumer_group, namespace, name) {
        (Some(group), ..) => Some(group.clone()),
        (None, Some(namespace), Some(name)) => Some(format!("{namespace}.{name}")),
        (None, ..) => None,
    };
    let consumer_group = group
        .and_then(|group| violations.parse("spec.processor.consumerGroup", &rules::CONSUMER_GROUP, &group));
    let cap: Option<u32> =
        violations.number("spec.processor.maxRecordsPerSecond", processor.max_records_per_second);
    let ceiling =
        violations.positive("spec.autoscaling.sinkLatencyCeiling", spec.autoscaling.sink_latency_ceiling);
    let filter = match &processor.filter {
        None => Some(None),
        Some(filter) => expressions::filter(filter, declared.all(), violations).map(Some),
    };
    Some(Processor {
        replicas: replicas?,
        consumer_group: consumer_group?,
        starting_offsets: processor.starting_offsets,
        max_records_per_second: NonZeroU32::new(cap?),
        sink_latency_ceiling: ceiling?,
        filter: filter?,
    })
}

fn replicas(spec: &PipelineSpec, violations: &mut Violations) -> Option<u32> {
    let path = "spec.processor.replicas";
    let replicas = spec.processor.replicas;
    // Autoscaling has other limits.
    let is_within = spec.autoscaling.enabled || replicas <= most_processors(&spec.kafka.topic);
    violations.require(is_within, path, &rules::REPLICAS_WITHIN_PARTITIONS);
    violations.number(path, replicas)
}
