//! Every field of the spec is acted on or refused, and every field of the status is written.
//!
//! A field of the spec counts as acted on if it changes the model, of which every field is read by the worker, the
//! operator or `usp`. The samples prove the first part by validation, the sources prove the second.

mod bindings;
mod reader;
mod samples;
mod sources;
mod types;
mod usage;

use std::collections::BTreeSet;

use serde_json::Value;
use userstream_crds::model::Pipeline;
use userstream_crds::rules::UNSUPPORTED;
use userstream_crds::validate::{Cause, Violation, validate_spec};

use crate::fixtures::schema;
use samples::{Sample, samples};
use sources::Sources;
use types::{Field, Types};
use usage::Usage;

const READERS: [&str; 3] = ["worker", "operator", "cli"];

/// The fields of a schema that have a value themselves: `schema.fields[].name`.
fn leaves(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    // Kubernetes' types are passed on as a whole.
    let is_kubernetes = path.starts_with("template.");
    let members = if is_kubernetes { None } else { schema["properties"].as_object() };
    let (members, path) = match schema["items"]["properties"].as_object() {
        Some(items) if !is_kubernetes => (Some(items), format!("{path}[]")),
        _ => (members, path.to_owned()),
    };
    let Some(members) = members else {
        found.insert(path);
        return;
    };
    for (name, member) in members {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        leaves(&path, member, found);
    }
}

fn spec_fields() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    leaves("", &schema()["properties"]["spec"], &mut fields);
    fields
}

fn validated(spec: &Value) -> Result<Pipeline, Vec<Violation>> {
    validate_spec("demo", "users", &serde_json::from_value(spec.clone()).unwrap())
}

/// Why a field is neither acted on nor refused; `None` if it is.
fn objection(sample: &Sample) -> Option<String> {
    let (without, with) = (validated(&sample.without()), validated(&sample.with()));
    let refusals = |violations: &[Violation]| {
        let path = format!("spec.{}", sample.field);
        violations.iter().any(|violation| {
            let is_unsupported = matches!(&violation.cause, Cause::Rule { rule, .. }
                if UNSUPPORTED.iter().any(|entry| entry.rule == **rule));
            is_unsupported && path.starts_with(&violation.path.to_string())
        })
    };
    match (without, with) {
        (_, Err(violations)) if refusals(&violations) => None,
        (Ok(without), Ok(with)) if !sample.decides && without != with => None,
        (Err(_), Ok(_)) if sample.decides => None,
        (Ok(_), Ok(_)) => Some(format!("{}: the model does not change", sample.field)),
        (Err(violations), _) | (_, Err(violations)) => Some(format!("{}: {violations:#?}", sample.field)),
    }
}

fn sources() -> (Sources, Types) {
    let sources = Sources::load(&["crds", "worker", "operator", "cli"]);
    let types = Types::of(&sources);
    (sources, types)
}

fn names(fields: impl IntoIterator<Item = Field>) -> Vec<String> {
    fields.into_iter().map(|field| field.to_string()).collect()
}

#[test]
fn every_field_of_the_spec_has_a_sample() {
    let samples: BTreeSet<String> = samples().iter().map(Sample::schema_path).collect();
    assert_eq!(samples, spec_fields());
}

#[test]
fn every_field_of_the_spec_changes_the_model_or_is_refused() {
    let objections: Vec<String> = samples().iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn every_field_of_the_model_is_read() {
    let (sources, types) = sources();
    let usage = Usage::of(&sources, &types, &READERS);
    let fields = types.fields_from("Pipeline");
    assert!(fields.len() > 80, "{} fields", fields.len());
    let unread = fields.into_iter().filter(|field| !usage.reads.contains(field));
    assert_eq!(names(unread), Vec::<String>::new(), "nothing reads these fields: refuse or remove them");
}

/// A test of the operator proves that every other field reaches the worker.
#[test]
fn fields_that_the_operator_withholds_are_not_read_by_workers() {
    let (sources, types) = sources();
    let model = names(types.fields_from("Pipeline"));
    let reads = names(Usage::of(&sources, &types, &["worker"]).reads);
    for field in include_str!("fields/withheld_from_workers.txt").lines() {
        assert!(model.contains(&field.to_owned()), "the model has no field {field}");
        assert!(!reads.contains(&field.to_owned()), "a worker reads {field}");
    }
}

#[test]
fn every_field_of_the_status_is_written() {
    let (sources, types) = sources();
    let usage = Usage::of(&sources, &types, &["operator"]);
    let fields = types.fields_from("PipelineStatus");
    assert!(fields.len() > 20, "{} fields", fields.len());
    let unwritten = fields.into_iter().filter(|field| !usage.writes.contains(field));
    assert_eq!(names(unwritten), Vec::<String>::new(), "nothing writes these fields: remove them");
}
