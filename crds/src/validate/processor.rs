//! `spec.processor`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::expression::{self, Expression};
use crate::model::Processor;
use crate::resource::kafka::TopicManagementPolicy;
use crate::resource::pipeline::PipelineSpec;
use crate::resource::processor::ProcessorSpec;
use crate::rules;
use crate::scalar::identifier::{NamespaceName, PipelineName};

use super::fields::DeclaredFields;
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
    let filter = filter(processor, declared, violations);
    Some(Processor {
        replicas: replicas?,
        consumer_group: consumer_group?,
        starting_offsets: processor.starting_offsets,
        max_records_per_second: NonZeroU32::new(cap?),
        filter: filter?,
    })
}

fn replicas(spec: &PipelineSpec, violations: &mut Violations) -> Option<u32> {
    let path = "spec.processor.replicas";
    let replicas = spec.processor.replicas;
    // Autoscaling has other limits. An observed topic may have more partitions than declared.
    let is_exempt =
        spec.autoscaling.enabled || spec.kafka.topic.management_policy == TopicManagementPolicy::Observe;
    // Partitions that are out of range are reported with the topic.
    let partitions = spec.kafka.topic.partitions.max(1);
    violations.require(is_exempt || replicas <= partitions, path, &rules::REPLICAS_WITHIN_PARTITIONS);
    violations.number(path, replicas)
}

fn filter(
    processor: &ProcessorSpec,
    declared: &DeclaredFields<'_>,
    violations: &mut Violations,
) -> Option<Option<Expression>> {
    let path = "spec.processor.filter";
    let Some(filter) = &processor.filter else { return Some(None) };
    let filter = violations.take(path, &rules::EXPRESSION, Expression::compile(filter))?;
    let fields: BTreeSet<String> =
        declared.all().iter().map(|field| expression::variable(&field.name)).collect();
    let unknown: Vec<&str> = filter.variables().filter(|variable| !fields.contains(*variable)).collect();
    if unknown.is_empty() {
        return Some(Some(filter));
    }
    let detail = format!("there is no field {}", unknown.join(", "));
    violations.refuse_because(path, &rules::FILTER_NAMES_FIELDS, detail);
    None
}
