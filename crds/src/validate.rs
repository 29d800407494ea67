//! Validation: from a resource to the model, or to all violations.

mod autoscaling;
mod delivery;
mod expressions;
mod fields;
mod kafka;
mod objectives;
mod processor;
mod sink;
mod source;
mod update;
mod violation;
mod violations;

pub use update::{validate_spec_update, validate_update};
pub use violation::{Cause, Violation};

use serde_json::{Value, json};

use crate::model::{Encoding, Pipeline};
use crate::resource::pipeline::{PipelineSpec, UserStreamPipeline};
use crate::rules::{self, UNSUPPORTED};
use crate::scalar::identifier::{NamespaceName, PipelineName};
use crate::schema::definition;
use crate::schema::validation::errors_at;

use violations::Violations;

/// The namespace of a resource that does not name one.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Validates a resource and returns its model.
///
/// # Errors
/// All violations, in the order of the spec. There is at least one.
pub fn validate(resource: &UserStreamPipeline) -> Result<Pipeline, Vec<Violation>> {
    let namespace = resource.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let name = resource.metadata.name.as_deref().unwrap_or_default();
    validate_spec(namespace, name, &resource.spec)
}

/// Validates the spec of the resource with this namespace and name, and returns its model.
///
/// # Errors
/// All violations, in the order of the spec. There is at least one.
pub fn validate_spec(namespace: &str, name: &str, spec: &PipelineSpec) -> Result<Pipeline, Vec<Violation>> {
    // A spec has only text keys and finite numbers, so this does not fail.
    let document = json!({"spec": serde_json::to_value(spec).unwrap_or_default()});
    let mut all = schema_violations(&document);
    let mut violations = Violations::default();
    unsupported(&document, &mut violations);
    // Lengths are part of the schema. An expression beyond its length is never compiled: tenants share the process.
    let built = if all.is_empty() {
        build(namespace, name, spec, &mut violations)
    } else {
        build(namespace, name, &without_expressions(spec), &mut violations);
        None
    };
    // A value that violates the schema often breaks a rule too, which need not be reported.
    for violation in violations.into_vec() {
        if !all.iter().any(|other| other.path == violation.path && matches!(other.cause, Cause::Schema(_))) {
            all.push(violation);
        }
    }
    match built {
        Some(pipeline) if all.is_empty() => Ok(pipeline),
        _ => Err(all),
    }
}

fn without_expressions(spec: &PipelineSpec) -> PipelineSpec {
    let mut spec = spec.clone();
    spec.processor.filter = None;
    spec.schema.fields.iter_mut().for_each(|field| field.expr = None);
    spec
}

/// Violations of what the schema requires beyond the types: lengths, ranges, patterns.
fn schema_violations(document: &Value) -> Vec<Violation> {
    let schema = definition::schema().pointer("/properties/spec").unwrap_or(&Value::Null);
    let spec = document.get("spec").unwrap_or(&Value::Null);
    errors_at(&"spec".into(), schema, spec).into_iter().map(Violation::from).collect()
}

/// Refuses the fields that this version does not act on.
fn unsupported(document: &Value, violations: &mut Violations) {
    for entry in UNSUPPORTED.iter().filter(|entry| entry.is_set(document)) {
        violations.refuse(entry.path(), &entry.rule);
    }
}

fn build(namespace: &str, name: &str, spec: &PipelineSpec, violations: &mut Violations) -> Option<Pipeline> {
    let namespace =
        violations.parse::<NamespaceName>("metadata.namespace", &rules::NAMESPACE_NAME, namespace);
    let name = violations.parse::<PipelineName>("metadata.name", &rules::PIPELINE_NAME, name);
    let source = source::build(spec.source.as_ref(), violations);
    let fields = fields::build(&spec.schema, spec.source.is_some(), violations);
    let declared = fields::DeclaredFields::of(&spec.schema.fields);
    let kafka = kafka::connection(&spec.kafka, violations);
    let topic = kafka::topic(&spec.kafka.topic, violations);
    let key_field = kafka::key_field(&spec.kafka, &declared, spec.delivery.guarantee, violations);
    let positions_topic = kafka::positions_topic(spec);
    let processor = processor::build(spec, namespace.as_ref(), name.as_ref(), &declared, violations);
    let cassandra = sink::connection(&spec.sink.cassandra, violations);
    let keyspace = sink::keyspace(&spec.sink.cassandra, violations);
    let table = sink::table(&spec.sink.cassandra, &declared, spec.delivery.guarantee, violations);
    let on_error = delivery::on_error(spec, violations);
    let autoscaling = autoscaling::build(&spec.autoscaling, &spec.kafka.topic, violations);
    let freshness = objectives::freshness(&spec.objectives, violations);
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
