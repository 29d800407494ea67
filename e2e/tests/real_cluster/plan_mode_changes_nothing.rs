//! `mode: Plan` says what would be made, and makes nothing.

use serde_json::json;
use userstream_e2e::rig::Held;

use crate::test_namespace::Home;

async fn topics(rig: &Held) -> String {
    rig.kafka_tool(&["TopicCommand", "--list"]).await
}

#[tokio::test]
async fn a_plan_names_what_would_be_made_and_nothing_is() {
    let home = Home::new().await;
    let mut pipeline = home.pipeline();
    pipeline["spec"]["mode"] = json!("Plan");
    home.cluster.apply(&pipeline).await;
    let planned = home.await_reason("Planned").await;
    let topic = pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap().to_owned();
    let plan = planned["status"]["plan"].to_string();
    for named in [&topic, "created_users", "Deployment"] {
        assert!(plan.contains(named), "{named} is not in {plan}");
    }
    assert!(!topics(&home.rig).await.lines().any(|line| line == topic) && !home.has_table().await);
    for kind in ["deployments", "cronjobs", "poddisruptionbudgets"] {
        assert!(home.cluster.list(kind, &home.namespace).await.is_empty(), "{kind}");
    }
    home.patch(&json!({"spec": {"mode": "Apply"}})).await;
    home.await_reason("Running").await;
    home.await_rows(50).await;
    home.assert_calm().await;
    home.leave().await;
}
