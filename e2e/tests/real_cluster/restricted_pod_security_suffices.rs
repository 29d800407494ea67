//! Workers and operator run under the `restricted` Pod Security profile, workers without a token, and the operator without
//! rights on Secrets.

use serde_json::json;
use userstream_e2e::cluster::SYSTEM;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn workers_and_operator_satisfy_the_restricted_profile() {
    let test = TestNamespace::new().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"},
        "spec": {"containers": [{"name": "any", "image": "any"}]}});
    let refused = test.cluster.dry_run_create(&test.namespace, &pod).await.unwrap_err();
    assert!(refused.contains("violates PodSecurity"), "this cluster enforces profiles: {refused}");

    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let pods = test.cluster.list("pods", &test.namespace).await;
    assert_eq!(pods.len(), 3, "a provisioner, a processor and a producer");
    for pod in pods {
        let spec = pod["spec"].to_string();
        assert!(!spec.contains("serviceAccountToken"), "{spec}");
    }
    let enforce = ["label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted"];
    let output =
        test.cluster.try_kubectl(&[&enforce[..], &["--overwrite", "--dry-run=server"]].concat()).await;
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for verb in ["get", "list", "watch", "create", "patch", "delete"] {
        let can_i = ["auth", "can-i", verb, "secrets", "-n", &test.namespace];
        let operator = format!("--as=system:serviceaccount:{SYSTEM}:userstream");
        let answer = test.cluster.try_kubectl(&[&can_i[..], &[&operator]].concat()).await;
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "no", "the operator may {verb} Secrets");
    }
    test.assert_healthy().await;
    test.tear_down().await;
}
