//! `mode: Plan` reports what it would create, and creates nothing.

use serde_json::json;
use userstream_e2e::rig::RigGuard;

use crate::test_namespace::TestNamespace;

async fn topics(rig: &RigGuard) -> String {
    rig.kafka_tool(&["TopicCommand", "--list"]).await
}

#[tokio::test]
async fn plan_names_what_it_dry_run_create_and_creates_nothing() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline();
    pipeline["spec"]["mode"] = json!("Plan");
    test.cluster.apply(&pipeline).await;
    let planned = test.await_reason("Planned").await;
    let topic = pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap().to_owned();
    let plan = planned["status"]["plan"].to_string();
    for named in [&topic, "created_users", "Deployment"] {
        assert!(plan.contains(named), "{named} is not in {plan}");
    }
    assert!(!topics(&test.rig).await.lines().any(|line| line == topic) && !test.has_table().await);
    for kind in ["deployments", "cronjobs", "poddisruptionbudgets"] {
        assert!(test.cluster.list(kind, &test.namespace).await.is_empty(), "{kind}");
    }
    test.patch(&json!({"spec": {"mode": "Apply"}})).await;
    test.await_reason("Running").await;
    test.await_rows(50).await;
    test.assert_healthy().await;
    test.tear_down().await;
}
