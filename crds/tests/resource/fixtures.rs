//! What several tests need: the schema with its rules, and what breaks them.

use std::sync::LazyLock;

use serde_json::Value;
use userstream_crds::definition::schemas;

/// The schema as the API server has it: as the types say it, whatever is committed.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemas()["resource"].take());
    &SCHEMA
}

/// A rule of the schema in CEL.
#[derive(Clone, Debug)]
pub(crate) struct CelRule {
    /// Where it is in the schema.
    pub(crate) place: String,
    /// The expression.
    pub(crate) expression: String,
    /// The text.
    pub(crate) message: String,
    /// The schema that it stands in.
    pub(crate) scope: Value,
}

/// Every rule of the schema.
pub(crate) fn cel_rules() -> Vec<CelRule> {
    let mut rules = Vec::new();
    collect("", schema(), &mut rules);
    rules
}

fn collect(place: &str, schema: &Value, rules: &mut Vec<CelRule>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        rules.push(CelRule {
            place: place.to_owned(),
            expression: rule["rule"].as_str().unwrap().to_owned(),
            message: rule["message"].as_str().unwrap().to_owned(),
            scope: schema.clone(),
        });
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(&format!("{place}.{name}"), property, rules);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            collect(&format!("{place}[]"), &schema[inner], rules);
        }
    }
}

/// The texts of the rules in CEL that a resource breaks, sorted, each once. A broken rule of the schema that cannot be
/// evaluated is in it with the error.
pub(crate) fn broken_in_cel(new: &Value, old: Option<&Value>) -> Vec<String> {
    let mut texts = match kube_cel::Validator::new().validate(schema(), new, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    };
    texts.sort();
    texts.dedup();
    texts
}
