//! `deletionPolicy: Delete` deletes what the pipeline created, and does not block the deletion of a namespace.

use serde_json::json;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn deletion_policy_delete_drops_the_created_table_alone() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline();
    pipeline["spec"]["sink"]["cassandra"]["table"]["deletionPolicy"] = json!("Delete");
    test.cluster.apply(&pipeline).await;
    test.await_ready().await;
    assert!(test.has_table().await);
    test.cluster
        .kubectl(&["delete", "userstreampipeline", "-n", &test.namespace, "users", "--timeout=60s"])
        .await;
    assert!(!test.has_table().await, "the table is dropped before the pipeline is gone");
    test.await_gone().await;
    let topic = pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap();
    let topics = test.rig.kafka_tool(&["TopicCommand", "--list"]).await;
    assert!(topics.lines().any(|line| line == topic), "the topic is retained: {topics}");
    test.assert_healthy().await;
    test.tear_down().await;
}

#[tokio::test]
async fn namespace_deletion_is_not_blocked_and_keeps_the_data() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline();
    pipeline["spec"]["sink"]["cassandra"]["table"]["deletionPolicy"] = json!("Delete");
    test.cluster.apply(&pipeline).await;
    test.await_ready().await;
    test.cluster.kubectl(&["delete", "namespace", &test.namespace, "--timeout=90s"]).await;
    assert!(
        test.has_table().await,
        "a cleanup Job cannot start in a terminating namespace, so the data is kept"
    );
}
