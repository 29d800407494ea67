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

use super::fields::Known;
use super::report::Report;

pub(super) fn build(
    spec: &PipelineSpec,
    namespace: Option<&NamespaceName>,
    name: Option<&PipelineName>,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Processor> {
    let processor = &spec.processor;
    let replicas = replicas(spec, report);
    let group = match (&processor.consumer_group, namespace, name) {
        (Some(group), ..) => Some(group.clone()),
        (None, Some(namespace), Some(name)) => Some(format!("{namespace}.{name}")),
        (None, ..) => None,
    };
    let consumer_group =
        group.and_then(|group| report.parse("spec.processor.consumerGroup", &rules::CONSUMER_GROUP, &group));
    let cap: Option<u32> =
        report.number("spec.processor.maxRecordsPerSecond", processor.max_records_per_second);
    let filter = filter(processor, known, report);
    Some(Processor {
        replicas: replicas?,
        consumer_group: consumer_group?,
        starting_offsets: processor.starting_offsets,
        max_records_per_second: NonZeroU32::new(cap?),
        filter: filter?,
    })
}

fn replicas(spec: &PipelineSpec, report: &mut Report) -> Option<u32> {
    let path = "spec.processor.replicas";
    let replicas = spec.processor.replicas;
    // Autoscaling has its own limits. A topic that is only observed may have more partitions than are declared.
    let is_exempt =
        spec.autoscaling.enabled || spec.kafka.topic.management_policy == TopicManagementPolicy::Observe;
    report.require(
        is_exempt || replicas <= spec.kafka.topic.partitions,
        path,
        &rules::REPLICAS_WITHIN_PARTITIONS,
    );
    report.number(path, replicas)
}

fn filter(processor: &ProcessorSpec, known: &Known<'_>, report: &mut Report) -> Option<Option<Expression>> {
    let path = "spec.processor.filter";
    let Some(filter) = &processor.filter else { return Some(None) };
    let filter = report.take(path, &rules::EXPRESSION, Expression::compile(filter))?;
    let fields: BTreeSet<String> =
        known.all().iter().map(|field| expression::variable(&field.name)).collect();
    let unknown: Vec<&str> = filter.variables().filter(|variable| !fields.contains(*variable)).collect();
    if unknown.is_empty() {
        return Some(Some(filter));
    }
    let detail = format!("there is no field {}", unknown.join(", "));
    report.refuse_because(path, &rules::FILTER_NAMES_FIELDS, detail);
    None
}
