use serde_json::json;
use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

#[tokio::test]
async fn network_policy_leaves_only_the_status_port_open() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    assert_eq!(test.cluster.list("networkpolicy", &test.namespace).await, Vec::<serde_json::Value>::new());
    operator.kill();

    let operator = Operator::start_with(test.cluster, &test.namespace, &["--network-policies"]).await;
    test.await_object("networkpolicy", "users-workers").await;
    let policy = test.cluster.get("networkpolicy", &test.namespace, "users-workers").await;
    let wanted = json!({
        "podSelector": {"matchLabels": {"userstream.dev/pipeline": "users"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}],
    });
    assert_eq!(policy["spec"], wanted);
    let deployment = test.cluster.get("deployment", &test.namespace, "users-processor").await;
    let template = &deployment["spec"]["template"];
    assert_eq!(
        template["metadata"]["labels"]["userstream.dev/pipeline"], "users",
        "the policy selects these pods"
    );
    assert_eq!(
        template["spec"]["containers"][0]["ports"][0]["containerPort"], 8080,
        "the policy allows this port"
    );
    let owner = &policy["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("UserStreamPipeline"), &json!("users")));

    let open = r#"{"spec":{"ingress":[{}]}}"#;
    test.cluster
        .kubectl(&[
            "patch",
            "networkpolicy",
            "-n",
            &test.namespace,
            "users-workers",
            "--type=merge",
            "-p",
            open,
        ])
        .await;
    poll_until("the policy is restored", TIMEOUT, async || {
        let found = test.cluster.get("networkpolicy", &test.namespace, "users-workers").await["spec"].clone();
        if found == wanted { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
