//! The RBAC rules of the operator.

use serde_json::{Value, json};

use crate::helm::{EVERYTHING, of_kind, render};

fn rules(objects: &[Value]) -> Vec<Value> {
    let roles = objects.iter().filter(|object| object["rules"].is_array());
    roles.flat_map(|role| role["rules"].as_array().cloned().unwrap()).collect()
}

fn has(list: &Value, word: &str) -> bool {
    list.as_array().unwrap().iter().any(|one| one == word)
}

#[test]
fn no_right_is_granted_on_secrets_or_with_wildcards() {
    for values in [&[][..], &EVERYTHING, &["watchNamespaces={a,b}"]] {
        let rules = rules(&render(values));
        assert!(rules.len() >= 11, "{rules:#?}");
        for rule in rules {
            for wide in ["secrets", "*", "pods/exec", "pods/log", "nodes", "serviceaccounts/token"] {
                assert!(!has(&rule["resources"], wide), "{rule:#}");
            }
            for verb in ["*", "escalate", "bind", "impersonate", "deletecollection"] {
                assert!(!has(&rule["verbs"], verb), "{rule:#}");
            }
            assert!(!has(&rule["apiGroups"], "*"), "{rule:#}");
        }
    }
}

#[test]
fn operator_of_selected_namespaces_has_no_right_elsewhere() {
    let rendered = render(&["watchNamespaces={a,b}"]);
    assert!(of_kind(&rendered, "ClusterRole").is_empty());
    assert!(of_kind(&rendered, "ClusterRoleBinding").is_empty());
    let mut places: Vec<&str> = of_kind(&rendered, "Role")
        .iter()
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["a", "b", "userstream-system"]);
    for binding in of_kind(&rendered, "RoleBinding") {
        assert_eq!(binding["subjects"][0]["name"], "userstream");
        assert_eq!(binding["subjects"][0]["namespace"], "userstream-system");
    }
    let whole = render(&[]);
    let watched_rules = |objects: &[Value], kind: &str| {
        of_kind(objects, kind).iter().find(|role| role["metadata"]["name"] == "userstream").unwrap()["rules"]
            .clone()
    };
    assert_eq!(
        watched_rules(&rendered, "Role"),
        watched_rules(&whole, "ClusterRole"),
        "the same rules, in fewer namespaces"
    );
}

#[test]
fn network_policy_rights_are_granted_only_when_enabled() {
    let may = |values: &[&str]| {
        rules(&render(values)).iter().any(|rule| has(&rule["resources"], "networkpolicies"))
    };
    assert!(!may(&[]));
    assert!(may(&["networkPolicies=true"]));
}

#[test]
fn only_the_leader_lease_can_be_read_and_patched() {
    let rendered = render(&[]);
    let container = of_kind(&rendered, "Deployment")[0].pointer("/spec/template/spec/containers/0").cloned();
    let environment = container.unwrap()["env"].as_array().cloned().unwrap();
    let name = &environment.iter().find(|variable| variable["name"] == "LEASE_NAME").unwrap()["value"];
    let leases: Vec<Value> =
        rules(&rendered).into_iter().filter(|rule| has(&rule["resources"], "leases")).collect();
    let verbs = |named: bool| {
        let of = leases.iter().filter(|rule| rule.get("resourceNames").is_some() == named);
        of.map(|rule| rule["verbs"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(verbs(true), [json!(["get", "patch"])], "{leases:#?}");
    assert_eq!(verbs(false), [json!(["create"])], "RBAC cannot restrict `create` to a name: {leases:#?}");
    assert!(leases.iter().all(|rule| rule.get("resourceNames").is_none_or(|names| *names == json!([name]))));
}
