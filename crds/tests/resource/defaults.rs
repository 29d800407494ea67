//! Defaults in the types, in code and in the schema are the same.

use crate::fixtures::schema;
use crate::good_resources::{minimal, resources};
use serde_json::Value;
use userstream_crds::UserStreamPipeline;
use userstream_crds::defaults::apply_defaults;
use userstream_crds::status::PipelineStatus;

fn decoded(value: &Value) -> Value {
    let resource: UserStreamPipeline = serde_json::from_value(value.clone()).unwrap();
    serde_json::to_value(resource).unwrap()
}

#[test]
fn types_have_the_defaults_of_the_schema() {
    for (name, resource) in resources() {
        let mut by_schema = kube_cel::apply_defaults(schema(), &resource);
        let status = by_schema.as_object_mut().unwrap().remove("status").unwrap();
        let read: PipelineStatus = serde_json::from_value(status).unwrap();
        assert!(read.is_pending() && read == PipelineStatus::pending(), "{read:?}");
        assert_eq!(decoded(&resource), decoded(&by_schema), "{name}");
        // The API server stores every default.
        let (spec, defaulted) = (&decoded(&resource)["spec"], &by_schema["spec"]);
        assert_eq!(spec, defaulted, "{name}");
    }
}

#[test]
fn defaults_in_code_are_those_of_the_api_server() {
    for (name, resource) in resources() {
        let mut ours = resource.clone();
        apply_defaults(schema(), &mut ours);
        assert_eq!(ours, kube_cel::apply_defaults(schema(), &resource), "{name}");
    }
}

#[test]
fn null_is_absent() {
    let mut written = minimal();
    written["spec"]["source"] = Value::Null;
    written["spec"]["kafka"]["tls"] = Value::Null;
    written["spec"]["kafka"]["topic"]["partitions"] = Value::Null;
    apply_defaults(schema(), &mut written);
    let mut without = minimal();
    apply_defaults(schema(), &mut without);
    assert_eq!(written, without);
    assert_eq!(written["spec"]["kafka"]["topic"]["partitions"], 3);
}

#[test]
fn every_default_conforms_to_its_schema() {
    fn check(place: &str, schema: &Value) {
        if let Some(default) = schema.get("default") {
            let errors = userstream_crds::schema_validation::errors(schema, default);
            assert!(errors.is_empty(), "{place}: {errors:?}");
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            check(&format!("{place}.{name}"), property);
        }
        if schema["items"].is_object() {
            check(&format!("{place}[]"), &schema["items"]);
        }
    }
    check("", schema());
}

#[test]
fn description_of_every_default_names_it() {
    fn check(place: &str, schema: &Value, silent: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}.{name}");
            let description = property["description"].as_str().unwrap_or_default();
            let scalar = property.get("default").filter(|default| !default.is_object());
            if description.is_empty() || (scalar.is_some() && !description.contains("Default:")) {
                silent.push(place.clone());
            }
            if !place.starts_with("spec.template.") {
                check(&place, property, silent);
                check(&format!("{place}[]"), &property["items"], silent);
            }
        }
    }
    let mut silent = Vec::new();
    check("spec", &schema()["properties"]["spec"], &mut silent);
    assert_eq!(silent, Vec::<String>::new());
}
