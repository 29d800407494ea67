//! The CustomResourceDefinition and the other committed files that are generated from the types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::CustomResourceExt;
use kube::core::schema::StructuralSchemaRewriter;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::definition::{KIND, PIPELINE_NAME_PATTERN, with_metadata};
use crate::resource::pipeline::UserStreamPipeline;
use crate::resource::status::PipelineStatus;
use crate::rules::{self, UNSUPPORTED};
use crate::scalar::identifier::IDENTIFIER_PATTERN;

/// The CustomResourceDefinition.
#[must_use]
pub fn custom_resource_definition() -> Value {
    // Serialising a definition does not fail: its keys are text and its numbers finite.
    let mut definition = serde_json::to_value(UserStreamPipeline::crd()).unwrap_or_default();
    if let Some(schema) = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        complete(schema);
    }
    whole_numbers(&mut definition);
    definition
}

/// The structural schemas of the resource and of its metadata, which [`super::definition::schema`] and
/// [`super::definition::document_schema`] read.
#[must_use]
pub fn schemas() -> Value {
    json!({"resource": resource_schema(), "metadata": metadata_schema()})
}

fn resource_schema() -> Value {
    custom_resource_definition()
        .pointer_mut("/spec/versions/0/schema/openAPIV3Schema")
        .map(Value::take)
        .unwrap_or_default()
}

/// The schema for editors: JSON Schema of a whole document. It refuses unknown fields, so that an editor marks them. It
/// omits the rules, which JSON Schema cannot express, and the status, which users do not write.
#[must_use]
pub fn editor_schema() -> Value {
    let mut schema = with_metadata(resource_schema(), metadata_schema());
    to_json_schema(&mut schema);
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

fn to_json_schema(schema: &mut Value) {
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
            to_json_schema(inner);
        }
    }
    let properties = members.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(to_json_schema);
}

fn is_identifier(members: &Map<String, Value>) -> bool {
    let rules = members.get("x-kubernetes-validations").and_then(Value::as_array);
    rules.into_iter().flatten().any(|rule| rule.get("message") == Some(&json!(rules::IDENTIFIER.message)))
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

/// Adds to the derived schema what the types cannot express.
fn complete(schema: &mut Value) {
    // The API server drops a null before defaults and rules only where the field is not nullable.
    without_nullable(schema);
    if let Some(root) = schema.as_object_mut() {
        let cel = format!(
            "self.metadata.name.size() <= 40 && self.metadata.name.matches('{PIPELINE_NAME_PATTERN}')"
        );
        root.insert("x-kubernetes-validations".to_owned(), json!([rules::cel(&rules::PIPELINE_NAME, &cel)]));
    }
    mark_unsupported(schema);
    if let Some(status) = schema.pointer_mut("/properties/status").and_then(Value::as_object_mut) {
        status.insert("default".to_owned(), json!(PipelineStatus::pending()));
    }
}

/// Adds the refusals of unsupported fields to their schemas, and says so in their descriptions.
fn mark_unsupported(schema: &mut Value) {
    for entry in UNSUPPORTED {
        let pointer = format!("/properties/spec/properties/{}", entry.field.replace('.', "/properties/"));
        let Some(field) = schema.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
        let description = field.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = format!("Not supported in this version. {description}");
        field.insert("description".to_owned(), json!(description));
        let rules = field.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        if let Some(rules) = rules.as_array_mut() {
            rules.push(rules::cel(&entry.rule, &entry.cel()));
        }
    }
}

/// Turns bounds into integers: Kubernetes' types hold them as floating-point numbers.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        Value::Array(elements) => elements.iter_mut().for_each(whole_numbers),
        Value::Number(number) => {
            // Parsing the text avoids a lossy cast.
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
            // A property of this name would have a schema, not a boolean.
            if members.get("nullable").is_some_and(Value::is_boolean) {
                members.remove("nullable");
            }
            members.values_mut().for_each(without_nullable);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
