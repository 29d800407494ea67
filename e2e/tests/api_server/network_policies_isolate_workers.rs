use serde_json::json;
use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

#[tokio::test]
async fn a_network_policy_leaves_the_status_port_open_and_only_where_it_is_asked_for() {
    let home = Home::new().await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
    assert_eq!(home.cluster.list("networkpolicy", &home.namespace).await, Vec::<serde_json::Value>::new());
    operator.kill();

    let operator = Operator::start_with(home.cluster, &home.namespace, &["--network-policies"]).await;
    home.await_object("networkpolicy", "users-workers").await;
    let policy = home.cluster.get("networkpolicy", &home.namespace, "users-workers").await;
    let wanted = json!({
        "podSelector": {"matchLabels": {"userstream.dev/pipeline": "users"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}],
    });
    assert_eq!(policy["spec"], wanted);
    let deployment = home.cluster.get("deployment", &home.namespace, "users-processor").await;
    let template = &deployment["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["userstream.dev/pipeline"], "users", "it is about these pods");
    assert_eq!(template["spec"]["containers"][0]["ports"][0]["containerPort"], 8080, "and lets this through");
    let owner = &policy["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("UserStreamPipeline"), &json!("users")));

    let open = r#"{"spec":{"ingress":[{}]}}"#;
    home.cluster
        .kubectl(&[
            "patch",
            "networkpolicy",
            "-n",
            &home.namespace,
            "users-workers",
            "--type=merge",
            "-p",
            open,
        ])
        .await;
    await_until("nothing else is let through again", PATIENCE, async || {
        let found = home.cluster.get("networkpolicy", &home.namespace, "users-workers").await["spec"].clone();
        if found == wanted { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
