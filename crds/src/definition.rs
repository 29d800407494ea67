//! The CustomResourceDefinition, generated from the types.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::CustomResourceExt;
use kube::core::schema::StructuralSchemaRewriter;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::identifier::IDENTIFIER_PATTERN;
use crate::pipeline::UserStreamPipeline;
use crate::rules;

/// The `apiVersion` of the resource.
pub const API_VERSION: &str = "userstream.dev/v1alpha1";
/// The `kind` of the resource.
pub const KIND: &str = "UserStreamPipeline";

/// What `metadata.name` must match; with a length of at most 40 it is rule R12.
pub const PIPELINE_NAME_PATTERN: &str = "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$";

/// The CustomResourceDefinition as it is applied to a cluster.
#[must_use]
pub fn custom_resource_definition() -> Value {
    // Serialising a definition does not fail: its keys are strings and its numbers finite.
    let mut definition = serde_json::to_value(UserStreamPipeline::crd()).unwrap_or_default();
    if let Some(schema) = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        complete(schema);
    }
    whole_numbers(&mut definition);
    definition
}

/// The structural schema of the resource, as the API server has it.
#[must_use]
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        custom_resource_definition()
            .pointer_mut("/spec/versions/0/schema/openAPIV3Schema")
            .map(Value::take)
            .unwrap_or_default()
    });
    &SCHEMA
}

/// The structural schema of a whole document: that of the resource, with what the API server knows by itself, the version,
/// the kind and the metadata.
#[must_use]
pub fn document_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = schema().clone();
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("apiVersion".to_owned(), constant("The version of the resource.", API_VERSION));
            properties.insert("kind".to_owned(), constant("The kind of the resource.", KIND));
            properties.insert("metadata".to_owned(), metadata_schema());
        }
        if let Some(root) = schema.as_object_mut() {
            root.insert("required".to_owned(), json!(["apiVersion", "kind", "metadata", "spec"]));
        }
        schema
    });
    &SCHEMA
}

/// The schema for editors: JSON Schema of a whole document. It refuses fields that do not exist, so that an editor marks
/// them, and leaves out the rules that JSON Schema cannot say, and the status, which nobody writes.
#[must_use]
pub fn editor_schema() -> Value {
    let mut schema = document_schema().clone();
    for_editors(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("status");
    }
    if let Some(name) = schema.pointer_mut("/properties/metadata/properties/name") {
        *name = json!({
            "type": "string",
            "description": rules::PIPELINE_NAME.message,
            "pattern": PIPELINE_NAME_PATTERN,
        });
    }
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        root.insert("title".to_owned(), json!(KIND));
    }
    schema
}

fn for_editors(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if members.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        members.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
    }
    if is_identifier(members) {
        members.insert("pattern".to_owned(), json!(IDENTIFIER_PATTERN));
    }
    members.retain(|name, _| !name.starts_with("x-kubernetes-"));
    if members.contains_key("properties") && !members.contains_key("additionalProperties") {
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = members.get_mut(name) {
            for_editors(inner);
        }
    }
    let properties = members.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(for_editors);
}

fn is_identifier(members: &Map<String, Value>) -> bool {
    let rules = members.get("x-kubernetes-validations").and_then(Value::as_array);
    rules.into_iter().flatten().any(|rule| rule.get("message") == Some(&json!(rules::IDENTIFIER.message)))
}

fn constant(description: &str, value: &str) -> Value {
    json!({"type": "string", "description": description, "enum": [value]})
}

fn metadata_schema() -> Value {
    let generator = SchemaSettings::openapi3()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(StructuralSchemaRewriter)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<ObjectMeta>().to_value();
    without_nullable(&mut schema);
    schema
}

/// What the derived schema does not say.
fn complete(schema: &mut Value) {
    // A null is then the same as nothing, for defaults as for rules: the API server drops it before either.
    without_nullable(schema);
    if let Some(root) = schema.as_object_mut() {
        let cel = format!(
            "self.metadata.name.size() <= 40 && self.metadata.name.matches('{PIPELINE_NAME_PATTERN}')"
        );
        root.insert("x-kubernetes-validations".to_owned(), json!([rules::cel(&rules::PIPELINE_NAME, &cel)]));
    }
}

/// Bounds are floating-point numbers in the types of Kubernetes, and whole ones in what people read.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        Value::Array(elements) => elements.iter_mut().for_each(whole_numbers),
        Value::Number(number) => {
            // The text of a whole number is a shorter way to the same than a cast that might not fit.
            let whole =
                number.as_f64().filter(|float| float.fract() == 0.0).map(|float| format!("{float:.0}"));
            if let Some(whole) = whole.and_then(|text| text.parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn without_nullable(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            // A property of that name would have a schema, not a boolean.
            if members.get("nullable").is_some_and(Value::is_boolean) {
                members.remove("nullable");
            }
            members.values_mut().for_each(without_nullable);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The declared properties of an object in a structural schema.
pub(crate) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}
