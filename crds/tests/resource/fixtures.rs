//! The schema with its rules, and their evaluation in CEL.

use std::sync::LazyLock;

use serde_json::Value;
use userstream_crds::definition::schemas;

/// The schema of the CRD, generated from the types.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemas()["resource"].take());
    &SCHEMA
}

/// A rule of the schema in CEL.
#[derive(Clone, Debug)]
pub(crate) struct CelRule {
    /// The path in the schema.
    pub(crate) place: String,
    /// The expression.
    pub(crate) expression: String,
    /// The text.
    pub(crate) message: String,
    /// The schema of the object that it is a rule of.
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

/// The texts of the broken rules of a resource in CEL, sorted and without duplicates. A rule that cannot be evaluated
/// counts as broken, with the error as its text.
pub(crate) fn broken_in_cel(new: &Value, old: Option<&Value>) -> Vec<String> {
    let mut texts = match kube_cel::Validator::new().validate(schema(), new, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    };
    texts.sort();
    texts.dedup();
    texts
}
