//! The rules of the CRD in CEL, against the same rules in code.

use std::collections::BTreeSet;

use crate::broken_in_code::{FINER_IN_CODE, broken_in_code, well_shaped};
use crate::changes::{Change, changes};
use crate::fixtures::{broken_in_cel, cel_rules, schema};
use crate::good_resources::{examples, minimal};
use kube_cel::{compile_schema, estimate_rule_cost};
use serde_json::{Value, json};
use userstream_crds::rules;

#[test]
fn every_cel_rule_compiles() {
    let rules = cel_rules();
    assert!(rules.len() > 60, "{} rules", rules.len());
    for rule in rules {
        let compiled = compile_schema(&rule.scope);
        assert!(!compiled.has_errors(), "{}: {:?}", rule.place, compiled.compilation_errors());
    }
}

#[test]
fn every_cel_rule_is_within_the_api_servers_budget() {
    // The estimate takes the bound of a list from the schema of the rule's object, and 1000 where it has none. The
    // rules about the spec loop over lists further in, of which the fields are the longest.
    let longest = json!({"type": "array", "maxItems": 128, "items": {"type": "string", "maxLength": 48}});
    for rule in cel_rules() {
        let bounds = if rule.place == ".spec" { &longest } else { &rule.scope };
        let warnings = estimate_rule_cost(&rule.expression, &compile_schema(bounds));
        assert!(warnings.is_empty(), "{}: {}: {warnings:#?}", rule.place, rule.expression);
    }
}

#[test]
fn every_list_and_text_is_bounded() {
    // Without bounds the API server estimates the cost of rules with the largest possible request, and refuses the CRD.
    // Kubernetes' own types have no bounds and no rules.
    fn check(place: &str, schema: &Value, unbounded: &mut Vec<String>) {
        let is = |name: &str| schema["type"] == name;
        let spelled = schema.get("enum").is_some() || schema.get("maxLength").is_some();
        let number = schema["x-kubernetes-int-or-string"] == true;
        if is("array") && schema.get("maxItems").is_none()
            || is("string") && !spelled && !number
            || schema["additionalProperties"].is_object() && schema.get("maxProperties").is_none()
        {
            unbounded.push(place.to_owned());
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            check(&format!("{place}.{name}"), property, unbounded);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                check(&format!("{place}[]"), &schema[inner], unbounded);
            }
        }
    }
    let mut unbounded = Vec::new();
    check("spec", &schema()["properties"]["spec"], &mut unbounded);
    unbounded.retain(|place| !place.starts_with("spec.template."));
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn every_text_in_the_definition_is_that_of_a_rule() {
    let known: BTreeSet<&str> = rules::all().map(|rule| rule.message).collect();
    for rule in cel_rules() {
        assert!(known.contains(rule.message.as_str()), "{}: {}", rule.place, rule.message);
    }
}

#[test]
fn numbered_rules_are_in_the_definition_where_cel_can() {
    let in_cel: BTreeSet<String> = cel_rules().into_iter().map(|rule| rule.message).collect();
    // Other pipelines, the time zone database and the namespace are not part of the evaluated resource.
    let beyond_cel = [&rules::CLAIMED, &rules::NAME_ONCE, &rules::TIME_ZONE, &rules::NAMESPACE_NAME];
    for rule in rules::all().filter(|rule| rule.code.starts_with('R')) {
        let expected = !beyond_cel.contains(&rule);
        assert_eq!(in_cel.contains(rule.message), expected, "{}: {}", rule.code, rule.message);
    }
}

#[test]
fn examples_and_the_smallest_resource_break_no_rule() {
    for (name, example) in examples().into_iter().chain([("minimal".to_owned(), minimal())]) {
        assert_eq!(broken_in_cel(&example, None), Vec::<String>::new(), "{name}");
        assert_eq!(broken_in_cel(&example, Some(&example)), Vec::<String>::new(), "{name} unchanged");
        assert_eq!(broken_in_code(&example, None), BTreeSet::new(), "{name}");
    }
}

#[test]
fn rule_broken_in_cel_is_broken_in_code() {
    for (title, value) in well_shaped() {
        let code = broken_in_code(&value, None);
        for text in broken_in_cel(&value, None) {
            assert!(code.contains(&text), "{title}: {text}\nin code: {code:#?}");
        }
    }
}

#[test]
fn rule_broken_in_code_is_broken_in_cel() {
    let in_cel: BTreeSet<String> = cel_rules().into_iter().map(|rule| rule.message).collect();
    for (title, value) in well_shaped() {
        let cel = broken_in_cel(&value, None);
        for text in broken_in_code(&value, None).iter().filter(|text| in_cel.contains(*text)) {
            assert!(
                cel.contains(text) || FINER_IN_CODE.contains(&text.as_str()),
                "{title}: {text}\nin CEL: {cel:#?}"
            );
        }
    }
}

#[test]
fn every_cel_rule_is_broken_by_some_case() {
    let mut broken: BTreeSet<String> =
        well_shaped().iter().flat_map(|(_, value)| broken_in_cel(value, None)).collect();
    broken.extend(changes().iter().flat_map(|change| broken_in_cel(&change.new, Some(&change.old))));
    for rule in cel_rules() {
        assert!(broken.contains(&rule.message), "nothing breaks {}: {}", rule.place, rule.message);
    }
}

#[test]
fn invalid_updates_are_refused_alike_in_cel_and_in_code() {
    for Change { title, old, new, breaks } in changes() {
        let expected: BTreeSet<String> = breaks.into_iter().map(str::to_owned).collect();
        assert_eq!(broken_in_code(&old, None), BTreeSet::new(), "{title}: before");
        assert_eq!(broken_in_code(&new, Some(&old)), expected, "{title}: in code");
        assert_eq!(BTreeSet::from_iter(broken_in_cel(&new, Some(&old))), expected, "{title}: in CEL");
    }
}
