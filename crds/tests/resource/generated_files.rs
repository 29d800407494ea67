//! The committed files are those that the types generate.
//!
//! `make generate` (or `UPDATE=1 cargo test --workspace --test resource`) writes them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cases::replace;
use crate::reference;
use serde_json::Value;
use userstream_crds::definition::{custom_resource_definition, editor_schema, schemas};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn assert_committed(name: &str, generated: &str) {
    if std::env::var_os("UPDATE").is_some() {
        replace(&path(name), generated);
        return;
    }
    let committed = fs::read_to_string(path(name)).unwrap_or_default();
    let lines = committed.lines().zip(generated.lines()).enumerate();
    let difference = lines.into_iter().find(|(_, (committed, generated))| committed != generated);
    assert!(
        committed == generated,
        "crds/{name} is not what the types generate, first at {difference:?}.\n\
         Write it again with `make generate`, or UPDATE=1 cargo test --workspace --test resource, \
         and review the difference: clusters see it."
    );
}

#[test]
fn committed_definition_is_generated_from_the_types() {
    let yaml = serde_saphyr::to_string(&custom_resource_definition()).unwrap();
    let head = "# Generated from the types in crds/src by `make generate`. Do not edit.\n";
    assert_committed("userstreampipelines.yaml", &format!("{head}{yaml}"));
}

#[test]
fn committed_schema_is_generated_from_the_types() {
    let json = serde_json::to_string_pretty(&schemas()).unwrap();
    assert_committed("schemas.json", &format!("{json}\n"));
}

#[test]
fn committed_editor_schema_is_generated_from_the_types() {
    let json = serde_json::to_string_pretty(&editor_schema()).unwrap();
    assert_committed("userstreampipeline.schema.json", &format!("{json}\n"));
}

#[test]
fn committed_reference_is_generated_from_the_types() {
    assert_committed("../docs/pipeline-reference.md", &reference::markdown());
}

#[test]
fn committed_definition_reads_as_what_was_generated() {
    let text = fs::read_to_string(path("userstreampipelines.yaml")).unwrap();
    let read: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(difference("", &read, &custom_resource_definition()), None);
}

/// The first path at which two documents differ.
fn difference(place: &str, left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
            left.iter().find_map(|(name, value)| difference(&format!("{place}/{name}"), value, &right[name]))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(index, (left, right))| difference(&format!("{place}/{index}"), left, right)),
        _ => (left != right).then(|| format!("{place}: {left} and {right}")),
    }
}

#[test]
fn definition_has_the_documented_names_and_columns() {
    let definition = custom_resource_definition();
    let at = |pointer: &str| definition.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/metadata/name"), "userstreampipelines.userstream.dev");
    assert_eq!(at("/spec/scope"), "Namespaced");
    assert_eq!(at("/spec/names/kind"), "UserStreamPipeline");
    assert_eq!(at("/spec/names/shortNames/0"), "usp");
    assert_eq!(at("/spec/names/categories/0"), "streaming");
    assert_eq!(at("/spec/versions/0/name"), "v1alpha1");
    assert!(at("/spec/versions/0/subresources/status").is_object());
    assert_eq!(at("/spec/versions/0/subresources/scale/specReplicasPath"), ".spec.processor.replicas");
    let columns: Vec<_> = at("/spec/versions/0/additionalPrinterColumns")
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap().to_owned())
        .collect();
    let expected =
        ["Ready", "Status", "Schedule", "Lag", "DLQ", "Age", "Topic", "Table", "Processors", "Message"];
    assert_eq!(columns, expected);
}
