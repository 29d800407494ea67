//! Every pod of the chart satisfies the `restricted` Pod Security profile and the project's stricter rules.

use crate::helm::{EVERYTHING, of_kind, render, the};

#[test]
fn every_pod_satisfies_the_restricted_profile() {
    let rendered = render(&EVERYTHING);
    let deployment = the(&rendered, "Deployment").pointer("/spec/template/spec").unwrap();
    let test = &the(&rendered, "Pod")["spec"];
    for pod in [deployment, test] {
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_ne!(pod["securityContext"]["runAsUser"], 0);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(pod["enableServiceLinks"], false);
        for absent in ["hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"] {
            assert!(pod[absent].is_null(), "{absent}");
        }
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
            assert!(
                container["command"].is_null(),
                "the image has no shell, and its entrypoint is the program"
            );
            assert!(container["resources"]["requests"]["memory"].is_string());
            assert!(container["resources"]["limits"]["memory"].is_string());
        }
    }
    assert_eq!(test["automountServiceAccountToken"], false);
}

#[test]
fn helm_test_requests_only_the_operator_service() {
    let rendered = render(&[]);
    let (pod, service) = (the(&rendered, "Pod"), the(&rendered, "Service"));
    assert_eq!(pod["metadata"]["annotations"]["helm.sh/hook"], "test");
    let name = service["metadata"]["name"].as_str().unwrap();
    let arguments = pod.pointer("/spec/containers/0/args").unwrap();
    let url = format!("http://{name}.userstream-system.svc:{}/readyz", service["spec"]["ports"][0]["port"]);
    assert_eq!(*arguments, serde_json::json!(["check", url]));
    let selected = service["spec"]["selector"].as_object().unwrap();
    let has = |labels: &serde_json::Value| selected.iter().all(|(name, value)| labels[name] == *value);
    assert!(has(&the(&rendered, "Deployment")["spec"]["template"]["metadata"]["labels"]));
    assert!(!has(&pod["metadata"]["labels"]), "the Service must not select the test's own pod");
    assert_eq!(of_kind(&rendered, "Deployment").len(), 1);
}

#[test]
fn network_policy_admits_configured_peers_to_one_port() {
    assert!(of_kind(&render(&[]), "NetworkPolicy").is_empty());
    let peer = "networkPolicy.from[0].namespaceSelector.matchLabels.team=monitoring";
    let rendered = render(&["networkPolicy.enabled=true", peer]);
    let (policy, deployment) = (the(&rendered, "NetworkPolicy"), the(&rendered, "Deployment"));
    let spec = &policy["spec"];
    assert_eq!(spec["podSelector"], deployment["spec"]["selector"]);
    assert_eq!(spec["policyTypes"], serde_json::json!(["Ingress"]));
    let [rule] = spec["ingress"].as_array().unwrap().as_slice() else { panic!("{spec}") };
    assert_eq!(rule["ports"], serde_json::json!([{"port": "http", "protocol": "TCP"}]));
    let [test, configured] = rule["from"].as_array().unwrap().as_slice() else { panic!("{rule}") };
    assert_eq!(
        *configured,
        serde_json::json!({"namespaceSelector": {"matchLabels": {"team": "monitoring"}}})
    );
    let labels = &the(&rendered, "Pod")["metadata"]["labels"];
    let selected = test["podSelector"]["matchLabels"].as_object().unwrap();
    assert!(selected.iter().all(|(name, value)| labels[name] == *value), "helm test reaches the operator");
}
