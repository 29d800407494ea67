//! `spec.processor`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::expression::{self, Expression};
use crate::model::{AggregateColumn, AggregateFunction, Aggregation, Processor, Watermark};
use crate::resource::delivery::Guarantee;
use crate::resource::pipeline::PipelineSpec;
use crate::resource::processor::{AggregationSpec, ProcessorSpec};
use crate::resource::record_schema::FieldType;
use crate::rules;
use crate::scalar::field_path::FieldPath;
use crate::scalar::identifier::{NamespaceName, PipelineName};

use super::fields::Known;
use super::report::{Found, Report};

/// Columns that every table of an aggregate has beside its groups and what it selects.
const AGGREGATE_COLUMNS: [&str; 3] = ["bucket", "window_start", "source_partition"];

pub(super) fn build(
    spec: &PipelineSpec,
    namespace: Option<&NamespaceName>,
    name: Option<&PipelineName>,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Processor> {
    let processor = &spec.processor;
    let replicas = report.number("spec.processor.replicas", processor.replicas);
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
    let watermark = watermark(processor, known, report);
    let dedupe_within = match &processor.dedupe {
        None => Some(None),
        Some(dedupe) => {
            report.require(
                spec.source.is_none() || spec.kafka.key_field.is_some(),
                "spec.processor.dedupe",
                &rules::DEDUPE_NEEDS_KEY,
            );
            report.positive("spec.processor.dedupe.within", dedupe.within).map(Some)
        }
    };
    let aggregations = aggregations(spec, known, report);
    Some(Processor {
        replicas: replicas?,
        consumer_group: consumer_group?,
        starting_offsets: processor.starting_offsets,
        max_records_per_second: NonZeroU32::new(cap?),
        filter: filter?,
        watermark: watermark?,
        dedupe_within: dedupe_within?,
        aggregations: aggregations?,
    })
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

fn watermark(processor: &ProcessorSpec, known: &Known<'_>, report: &mut Report) -> Option<Option<Watermark>> {
    let Some(watermark) = &processor.watermark else { return Some(None) };
    let field = known.required_timestamp(&watermark.field);
    if field.is_none() {
        report.refuse_because(
            "spec.processor.watermark.field",
            &rules::WATERMARK_FIELD,
            Found(&watermark.field),
        );
    }
    Some(Some(Watermark { field: field?, max_delay: watermark.max_delay.get() }))
}

fn aggregations(spec: &PipelineSpec, known: &Known<'_>, report: &mut Report) -> Option<Vec<Aggregation>> {
    let specs = &spec.processor.aggregations;
    if !specs.is_empty() {
        let path = "spec.processor";
        report.require(spec.processor.watermark.is_some(), path, &rules::AGGREGATIONS_NEED_WATERMARK);
        let counted_once =
            spec.delivery.guarantee == Guarantee::AtLeastOnce || spec.processor.dedupe.is_some();
        report.require(counted_once, path, &rules::AGGREGATIONS_NEED_DEDUPE);
    }
    let mut tables = BTreeSet::from([spec.sink.cassandra.table.name.as_str()]);
    let built: Vec<Aggregation> = specs
        .iter()
        .enumerate()
        .filter_map(|(index, aggregation)| {
            let path = format!("spec.processor.aggregations[{index}]");
            let table = aggregation.table.as_deref().unwrap_or(&aggregation.name);
            report.require(tables.insert(table), path.as_str(), &rules::AGGREGATE_TABLE_ONCE);
            self::aggregation(aggregation, &path, known, report)
        })
        .collect();
    (built.len() == specs.len()).then_some(built)
}

fn aggregation(
    aggregation: &AggregationSpec,
    path: &str,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Aggregation> {
    let name = report.parse(format!("{path}.name"), &rules::IDENTIFIER, &aggregation.name);
    let group_by: Vec<usize> = aggregation
        .group_by
        .iter()
        .enumerate()
        .filter_map(|(index, group)| {
            let field = known.required(group);
            if field.is_none() {
                report.refuse_because(
                    format!("{path}.groupBy[{index}]"),
                    &rules::GROUP_BY_FIELD,
                    Found(group),
                );
            }
            field
        })
        .collect();
    let window = report.positive(format!("{path}.window.size"), aggregation.window.size);
    let mut taken: BTreeSet<&str> =
        AGGREGATE_COLUMNS.into_iter().chain(aggregation.group_by.iter().map(String::as_str)).collect();
    let select: Vec<AggregateColumn> = aggregation
        .select
        .iter()
        .filter_map(|(column, function)| {
            let path = FieldPath::from(path).property("select").key(column);
            report.require(taken.insert(column), &path, &rules::AGGREGATE_COLUMN_ONCE);
            let name = report.parse(&path, &rules::IDENTIFIER, column);
            let parsed = self::function(function, known);
            if parsed.is_none() {
                report.refuse_because(path, &rules::AGGREGATE_FUNCTION, Found(function));
            }
            Some(AggregateColumn { name: name?, function: parsed? })
        })
        .collect();
    let table = aggregation.table.as_deref().map_or_else(
        || name.clone(),
        |table| report.parse(format!("{path}.table"), &rules::IDENTIFIER, table),
    );
    (group_by.len() == aggregation.group_by.len() && select.len() == aggregation.select.len())
        .then_some(())?;
    Some(Aggregation {
        name: name?,
        group_by,
        window: window?,
        allowed_lateness: aggregation.allowed_lateness.get(),
        select,
        table: table?,
    })
}

fn function(text: &str, known: &Known<'_>) -> Option<AggregateFunction> {
    let (name, argument) = text.trim().strip_suffix(')')?.split_once('(')?;
    let argument = argument.trim();
    if name.trim() == "count" {
        return argument.is_empty().then_some(AggregateFunction::Count);
    }
    let (index, field) = known.get(argument)?;
    let number =
        matches!(field.field_type, FieldType::Int | FieldType::Long | FieldType::Double | FieldType::Decimal);
    let ordered = !matches!(field.field_type, FieldType::Boolean | FieldType::Bytes);
    match name.trim() {
        "min" if ordered => Some(AggregateFunction::Min(index)),
        "max" if ordered => Some(AggregateFunction::Max(index)),
        "sum" if number => Some(AggregateFunction::Sum(index)),
        _ => None,
    }
}
