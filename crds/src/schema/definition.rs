//! The names and the schema of the resource in the API server.
//!
//! The schema is generated from the types and committed. This module reads the committed file, so that validation does
//! not need the generator and its dependencies; a test compares the file with the types.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

#[cfg(feature = "kubernetes")]
pub use super::generated::{custom_resource_definition, editor_schema, schemas};

/// The `apiVersion` of the resource.
pub const API_VERSION: &str = "userstream.dev/v1alpha1";
/// The `kind` of the resource.
pub const KIND: &str = "UserStreamPipeline";

/// The pattern of `metadata.name`; with a length of at most 40 it is rule R12.
pub const PIPELINE_NAME_PATTERN: &str = "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$";

/// The content of the committed file.
#[derive(Deserialize)]
struct Schemas {
    resource: Value,
    metadata: Value,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    // The file is part of this crate, and a test decodes it.
    serde_json::from_str(include_str!("../../schemas.json"))
        .unwrap_or(Schemas { resource: Value::Null, metadata: Value::Null })
});

/// The structural schema of the resource, as in the CRD.
#[must_use]
pub fn schema() -> &'static Value {
    &SCHEMAS.resource
}

/// The structural schema of a whole document: that of the resource, with version, kind and metadata, which the API
/// server adds.
#[must_use]
pub fn document_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> =
        LazyLock::new(|| with_metadata(SCHEMAS.resource.clone(), SCHEMAS.metadata.clone()));
    &SCHEMA
}

pub(super) fn with_metadata(mut resource: Value, metadata: Value) -> Value {
    if let Some(properties) = resource.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("apiVersion".to_owned(), constant("The version of the resource.", API_VERSION));
        properties.insert("kind".to_owned(), constant("The kind of the resource.", KIND));
        properties.insert("metadata".to_owned(), metadata);
    }
    if let Some(root) = resource.as_object_mut() {
        root.insert("required".to_owned(), json!(["apiVersion", "kind", "metadata", "spec"]));
    }
    resource
}

fn constant(description: &str, value: &str) -> Value {
    json!({"type": "string", "description": description, "enum": [value]})
}

/// The declared properties of an object in a structural schema.
pub(crate) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}
