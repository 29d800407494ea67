//! `deletionPolicy: Delete` takes what the pipeline created with it, and holds nothing up.

use serde_json::json;

use crate::test_namespace::Home;

#[tokio::test]
async fn delete_takes_the_table_that_the_pipeline_created_and_nothing_else() {
    let home = Home::new().await;
    let mut pipeline = home.pipeline();
    pipeline["spec"]["sink"]["cassandra"]["table"]["deletionPolicy"] = json!("Delete");
    home.cluster.apply(&pipeline).await;
    home.await_ready().await;
    assert!(home.has_table().await);
    home.cluster
        .kubectl(&["delete", "userstreampipeline", "-n", &home.namespace, "users", "--timeout=60s"])
        .await;
    assert!(!home.has_table().await, "the pipeline is gone only when its table is");
    home.await_gone().await;
    let topic = pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap();
    let topics = home.rig.kafka_tool(&["TopicCommand", "--list"]).await;
    assert!(topics.lines().any(|line| line == topic), "the topic is retained: {topics}");
    home.assert_calm().await;
    home.leave().await;
}

#[tokio::test]
async fn a_namespace_that_is_deleted_is_not_held_up_and_loses_no_data() {
    let home = Home::new().await;
    let mut pipeline = home.pipeline();
    pipeline["spec"]["sink"]["cassandra"]["table"]["deletionPolicy"] = json!("Delete");
    home.cluster.apply(&pipeline).await;
    home.await_ready().await;
    home.cluster.kubectl(&["delete", "namespace", &home.namespace, "--timeout=90s"]).await;
    assert!(home.has_table().await, "nothing could clean up, so everything stays");
}
