//! The rules that the API server checks, in CEL, against the same rules in code.

use std::collections::BTreeSet;

use crate::cases::cases;
use crate::fixtures::{broken_in_cel, cel_rules, examples, minimal, schema};
use kube_cel::{compile_schema, estimate_rule_cost};
use serde_json::{Value, json};
use userstream_crds::diagnostics;
use userstream_crds::validate::{Cause, validate_update};
use userstream_crds::{UserStreamPipeline, rules, validate};

fn resource(value: &Value) -> UserStreamPipeline {
    serde_json::from_value(value.clone()).unwrap()
}

/// The texts of the rules that a resource breaks in code.
fn broken_in_code(value: &Value, old: Option<&Value>) -> BTreeSet<String> {
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

#[test]
fn every_rule_in_cel_compiles_and_names_nothing_but_the_resource() {
    let rules = cel_rules();
    assert!(rules.len() > 60, "{} rules", rules.len());
    for rule in rules {
        let compiled = compile_schema(&rule.scope);
        assert!(!compiled.has_errors(), "{}: {:?}", rule.place, compiled.compilation_errors());
    }
}

#[test]
fn every_rule_in_cel_stays_within_the_budget_of_the_api_server() {
    // The analysis takes the bound of lists from the schema that a rule stands in, and 1000 where none is declared just
    // there. The rules about a whole spec walk lists further in, of which that of the fields may be the longest.
    let longest = json!({"type": "array", "maxItems": 128, "items": {"type": "string", "maxLength": 48}});
    for rule in cel_rules() {
        let bounds = if rule.place == ".spec" { &longest } else { &rule.scope };
        let warnings = estimate_rule_cost(&rule.expression, &compile_schema(bounds));
        assert!(warnings.is_empty(), "{}: {}: {warnings:#?}", rule.place, rule.expression);
    }
}

#[test]
fn every_list_and_text_that_a_rule_may_walk_is_bounded() {
    // Without bounds the API server estimates the cost of rules with the largest that a request can hold, and refuses the
    // definition. Parts that Kubernetes itself describes have no bounds and no rules.
    fn look(place: &str, schema: &Value, unbounded: &mut Vec<String>) {
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
            look(&format!("{place}.{name}"), property, unbounded);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                look(&format!("{place}[]"), &schema[inner], unbounded);
            }
        }
    }
    let mut unbounded = Vec::new();
    look("spec", &schema()["properties"]["spec"], &mut unbounded);
    unbounded.retain(|place| !place.starts_with("spec.template."));
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn every_text_in_the_definition_is_that_of_a_rule_in_code() {
    let known: BTreeSet<&str> = rules::ALL.iter().map(|rule| rule.message).collect();
    for rule in cel_rules() {
        assert!(known.contains(rule.message.as_str()), "{}: {}", rule.place, rule.message);
    }
}

#[test]
fn the_numbered_rules_are_in_the_definition_unless_cel_cannot_say_them() {
    let in_cel: BTreeSet<String> = cel_rules().into_iter().map(|rule| rule.message).collect();
    // What others claim, the time zone database and the name of the namespace are not in the resource.
    let beyond_cel = [&rules::CLAIMED, &rules::NAME_ONCE, &rules::TIME_ZONE, &rules::NAMESPACE_NAME];
    for rule in rules::ALL.iter().filter(|rule| rule.code.starts_with('R')) {
        let expected = !beyond_cel.contains(rule);
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

/// Bad resources that have the shape of the schema, so that rules are looked at.
fn well_shaped() -> Vec<(String, Value)> {
    let (_, cases) = cases();
    cases
        .into_iter()
        .filter(|case| {
            let report = diagnostics::read("x", &case.yaml).expect_err("the resource is bad");
            report.problems().all(|problem| !["shape", "yaml", "kind"].contains(&problem.code_name()))
        })
        .filter(|case| !case.yaml.contains("---"))
        .map(|case| (case.title, serde_saphyr::from_str::<Value>(&case.yaml).unwrap()))
        // The API server gives a name to every object before it looks at the rules.
        .filter(|(_, value)| value["metadata"]["name"].is_string())
        .collect()
}

#[test]
fn what_cel_refuses_is_refused_in_code_with_the_same_text() {
    for (title, value) in well_shaped() {
        let code = broken_in_code(&value, None);
        for text in broken_in_cel(&value, None) {
            assert!(code.contains(&text), "{title}: {text}\nin code: {code:#?}");
        }
    }
}

#[test]
fn a_resource_without_its_definition_is_refused_for_the_same_rules() {
    let in_cel: BTreeSet<String> = cel_rules().into_iter().map(|rule| rule.message).collect();
    // CEL knows the form of these, code their meaning: an hour of 24, a path, a function of an aggregate.
    let finer_in_code = [rules::CRON.message, rules::URL.message, rules::AGGREGATE_TABLE_ONCE.message];
    for (title, value) in well_shaped() {
        let cel = broken_in_cel(&value, None);
        for text in broken_in_code(&value, None).iter().filter(|text| in_cel.contains(*text)) {
            assert!(
                cel.contains(text) || finer_in_code.contains(&text.as_str()),
                "{title}: {text}\nin CEL: {cel:#?}"
            );
        }
    }
}

#[test]
fn every_rule_in_cel_is_broken_by_a_bad_resource_or_a_bad_change() {
    let mut broken: BTreeSet<String> =
        well_shaped().iter().flat_map(|(_, value)| broken_in_cel(value, None)).collect();
    broken.extend(changes().iter().flat_map(|change| broken_in_cel(&change.new, Some(&change.old))));
    for rule in cel_rules() {
        assert!(broken.contains(&rule.message), "nothing breaks {}: {}", rule.place, rule.message);
    }
}

struct Change {
    title: &'static str,
    old: Value,
    new: Value,
    /// The texts of the rules that it breaks.
    breaks: Vec<&'static str>,
}

/// Changes of a resource: where, and the value there before and after; null is none.
fn changes() -> Vec<Change> {
    let table = "/spec/sink/cassandra/table";
    let fields = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"name": name, "type": "uuid", "required": true})).collect()
    };
    let column = |name: &str, column_type: &str| json!({"name": name, "type": column_type, "field": "id", "cast": true});
    let cases: Vec<(&str, String, Value, Value, Vec<&rules::Rule>)> = vec![
        (
            "another topic",
            "/spec/kafka/topic/name".into(),
            json!("a"),
            json!("b"),
            vec![&rules::TOPIC_NAME_KEPT],
        ),
        (
            "fewer partitions",
            "/spec/kafka/topic/partitions".into(),
            json!(3),
            json!(2),
            vec![&rules::PARTITIONS_GROW],
        ),
        ("more partitions", "/spec/kafka/topic/partitions".into(), json!(3), json!(6), vec![]),
        (
            "fewer than the default",
            "/spec/kafka/topic/partitions".into(),
            Value::Null,
            json!(2),
            vec![&rules::PARTITIONS_GROW],
        ),
        (
            "a key where there was none",
            "/spec/kafka/keyField".into(),
            Value::Null,
            json!("id"),
            vec![&rules::KEY_FIELD_KEPT],
        ),
        (
            "no key any more",
            "/spec/kafka/keyField".into(),
            json!("id"),
            Value::Null,
            vec![&rules::KEY_FIELD_KEPT],
        ),
        (
            "another group",
            "/spec/processor".into(),
            json!({"consumerGroup": "a"}),
            json!({"consumerGroup": "b"}),
            vec![&rules::CONSUMER_GROUP_KEPT],
        ),
        (
            "a group where there was none",
            "/spec/processor".into(),
            json!({}),
            json!({"consumerGroup": "b"}),
            vec![&rules::CONSUMER_GROUP_KEPT],
        ),
        (
            "another keyspace",
            "/spec/sink/cassandra/keyspace/name".into(),
            json!("a"),
            json!("b"),
            vec![&rules::KEYSPACE_NAME_KEPT],
        ),
        ("another table", format!("{table}/name"), json!("a"), json!("b"), vec![&rules::TABLE_NAME_KEPT]),
        (
            "another field",
            "/spec/schema/fields".into(),
            fields(&["id", "a"]),
            fields(&["id", "b"]),
            vec![&rules::COLUMNS_GROW],
        ),
        ("one more field", "/spec/schema/fields".into(), fields(&["id"]), fields(&["id", "b"]), vec![]),
        (
            "a field of another type",
            "/spec/schema/fields".into(),
            json!([{"name": "id", "type": "uuid", "required": true}, {"name": "n", "type": "int"}]),
            json!([{"name": "id", "type": "uuid", "required": true}, {"name": "n", "type": "long"}]),
            vec![&rules::COLUMN_TYPE_KEPT],
        ),
        (
            "a column of another type",
            format!("{table}/columns"),
            json!([column("id", "uuid"), column("n", "text")]),
            json!([column("id", "uuid"), column("n", "ascii")]),
            vec![&rules::COLUMN_TYPE_KEPT],
        ),
        (
            "columns that are listed now",
            format!("{table}/columns"),
            Value::Null,
            json!([{"name": "id"}]),
            vec![],
        ),
        (
            "columns that are listed no more",
            format!("{table}/columns"),
            json!([{"name": "id"}, {"name": "n", "field": "id"}]),
            Value::Null,
            vec![&rules::COLUMNS_GROW],
        ),
        ("a replica more", "/spec/kafka/topic/replicas".into(), json!(1), json!(3), vec![]),
    ];
    let mut changes: Vec<Change> = cases
        .into_iter()
        .map(|(title, pointer, old, new, broken)| Change {
            title,
            old: with(&pointer, old),
            new: with(&pointer, new),
            breaks: broken.into_iter().map(|rule| rule.message).collect(),
        })
        .collect();
    let keyed = |partition: Value, clustering: Value| {
        let mut value = with("/spec/schema/fields", fields(&["id", "a"]));
        value["spec"]["sink"]["cassandra"]["table"]["partitionKey"] = partition;
        value["spec"]["sink"]["cassandra"]["table"]["clusteringKey"] = clustering;
        value
    };
    changes.push(Change {
        title: "another partition key",
        old: keyed(json!(["id"]), json!([])),
        new: keyed(json!(["a"]), json!([])),
        breaks: vec![rules::KEY_KEPT.message],
    });
    changes.push(Change {
        title: "another clustering key",
        old: keyed(json!(["id"]), json!([])),
        new: keyed(json!(["id"]), json!(["a"])),
        breaks: vec![rules::KEY_KEPT.message],
    });
    changes
}

fn with(pointer: &str, value: Value) -> Value {
    let mut resource = minimal();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = resource.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    resource
}

#[test]
fn what_may_not_change_is_refused_alike_in_cel_and_in_code() {
    for Change { title, old, new, breaks } in changes() {
        let expected: BTreeSet<String> = breaks.into_iter().map(str::to_owned).collect();
        assert_eq!(broken_in_code(&old, None), BTreeSet::new(), "{title}: before");
        assert_eq!(broken_in_code(&new, Some(&old)), expected, "{title}: in code");
        assert_eq!(BTreeSet::from_iter(broken_in_cel(&new, Some(&old))), expected, "{title}: in CEL");
    }
}
