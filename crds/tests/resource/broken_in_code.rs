//! The rules that invalid resources break in code.

use std::collections::BTreeSet;

use serde_json::Value;
use userstream_crds::validate::{Cause, validate_update};
use userstream_crds::{UserStreamPipeline, diagnostics, rules, validate};

use crate::cases::cases;

/// The rules of which CEL checks only the form: an hour of 24 has the form of an hour.
pub(crate) const FINER_IN_CODE: [&str; 2] = [rules::CRON.message, rules::URL.message];

fn resource(value: &Value) -> UserStreamPipeline {
    serde_json::from_value(value.clone()).unwrap()
}

/// The texts of the rules that a resource breaks in code.
pub(crate) fn broken_in_code(value: &Value, old: Option<&Value>) -> BTreeSet<String> {
    let new = resource(value);
    let validated = match old {
        Some(old) => validate_update(&resource(old), &new),
        None => validate(&new),
    };
    let violations = validated.err().unwrap_or_default();
    violations
        .iter()
        .filter(|violation| matches!(violation.cause, Cause::Rule { .. }))
        .map(|violation| violation.message())
        .collect()
}

/// Invalid resources that conform to the schema, so that the API server evaluates their rules.
pub(crate) fn well_shaped() -> Vec<(String, Value)> {
    let (_, cases) = cases();
    cases
        .into_iter()
        .filter(|case| {
            let report = diagnostics::read("x", &case.yaml).expect_err("the resource is invalid");
            report.problems().all(|problem| !["schema", "yaml", "kind"].contains(&problem.code_name()))
        })
        .filter(|case| !case.yaml.contains("---"))
        .map(|case| (case.title, serde_saphyr::from_str::<Value>(&case.yaml).unwrap()))
        // An object has a name before the API server evaluates rules.
        .filter(|(_, value)| value["metadata"]["name"].is_string())
        .collect()
}
