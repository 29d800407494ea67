//! From a resource to the model, or to everything that is wrong with it.

mod autoscaling;
mod delivery;
mod fields;
mod kafka;
mod objectives;
mod processor;
mod report;
mod sink;
mod source;
mod update;
mod violation;

pub use update::{validate_spec_update, validate_update};
pub use violation::{Cause, Violation};

use serde_json::{Value, json};

use crate::model::{Encoding, Pipeline};
use crate::resource::pipeline::PipelineSpec;
use crate::resource::pipeline::UserStreamPipeline;
use crate::rules::{self, UNSUPPORTED};
use crate::scalar::identifier::{NamespaceName, PipelineName};
use crate::schema::definition;
use crate::schema::structure::misshapes_at;

use report::Report;

/// The namespace of a resource that does not name one.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Checks a resource against every rule and gives the model of it.
///
/// # Errors
/// Every rule that is broken, in the order of the spec; there is at least one.
pub fn validate(resource: &UserStreamPipeline) -> Result<Pipeline, Vec<Violation>> {
    let namespace = resource.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let name = resource.metadata.name.as_deref().unwrap_or_default();
    validate_spec(namespace, name, &resource.spec)
}

/// Checks the spec of the resource with this namespace and name, and gives the model of it.
///
/// # Errors
/// Every rule that is broken, in the order of the spec; there is at least one.
pub fn validate_spec(namespace: &str, name: &str, spec: &PipelineSpec) -> Result<Pipeline, Vec<Violation>> {
    // A spec has only text keys and finite numbers, so this does not fail.
    let document = json!({"spec": serde_json::to_value(spec).unwrap_or_default()});
    let mut violations = misshapen(&document);
    let mut report = Report::default();
    unsupported(&document, &mut report);
    let built = build(namespace, name, spec, &mut report);
    // A value of the wrong shape breaks rules as well; once is enough.
    for violation in report.into_violations() {
        if !violations.iter().any(|known| known.path == violation.path && known.code() == "shape") {
            violations.push(violation);
        }
    }
    match built {
        Some(pipeline) if violations.is_empty() => Ok(pipeline),
        _ => Err(violations),
    }
}

/// What the schema requires of a spec beyond its types: lengths, ranges, spellings.
fn misshapen(document: &Value) -> Vec<Violation> {
    let schema = definition::schema().pointer("/properties/spec").unwrap_or(&Value::Null);
    let spec = document.get("spec").unwrap_or(&Value::Null);
    misshapes_at(&"spec".into(), schema, spec).into_iter().map(Violation::from).collect()
}

/// Refuses the fields that this version does not act on.
fn unsupported(document: &Value, report: &mut Report) {
    for entry in UNSUPPORTED.iter().filter(|entry| entry.is_set(document)) {
        report.refuse(entry.path(), &entry.rule);
    }
}

fn build(namespace: &str, name: &str, spec: &PipelineSpec, report: &mut Report) -> Option<Pipeline> {
    let namespace = report.parse::<NamespaceName>("metadata.namespace", &rules::NAMESPACE_NAME, namespace);
    let name = report.parse::<PipelineName>("metadata.name", &rules::PIPELINE_NAME, name);
    let source = source::build(spec.source.as_ref(), report);
    let fields = fields::build(&spec.schema, spec.source.is_some(), report);
    let known = fields::Known::of(&spec.schema.fields);
    let kafka = kafka::connection(&spec.kafka, report);
    let topic = kafka::topic(&spec.kafka.topic, report);
    let key_field = kafka::key_field(&spec.kafka, &known, spec.delivery.guarantee, report);
    let positions_topic = kafka::positions_topic(spec);
    let processor = processor::build(spec, namespace.as_ref(), name.as_ref(), &known, report);
    let cassandra = sink::connection(&spec.sink.cassandra, report);
    let keyspace = sink::keyspace(&spec.sink.cassandra, report);
    let table = sink::table(&spec.sink.cassandra, &known, spec.delivery.guarantee, report);
    let on_error = delivery::on_error(spec, report);
    let autoscaling = autoscaling::build(&spec.autoscaling, spec.kafka.topic.partitions, report);
    let freshness = objectives::freshness(&spec.objectives, report);
    Some(Pipeline {
        namespace: namespace?,
        name: name?,
        suspend: spec.suspend,
        mode: spec.mode,
        source: source?,
        encoding: Encoding::Json,
        fields: fields?,
        kafka: kafka?,
        topic: topic?,
        positions_topic: positions_topic?,
        key_field: key_field?,
        processor: processor?,
        cassandra: cassandra?,
        keyspace: keyspace?,
        table: table?,
        on_error: on_error?,
        autoscaling: autoscaling?,
        freshness: freshness?,
        log_level: spec.observability.log_level,
        pod_monitor: spec.observability.pod_monitor,
        template: spec.template.clone(),
    })
}
