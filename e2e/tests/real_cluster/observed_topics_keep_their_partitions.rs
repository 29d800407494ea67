//! The operator uses the partitions that an observed topic has, not those that the spec declares.

use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

/// Waits until the status has the topic's partitions and a known lag.
async fn await_known_lag(test: &TestNamespace, partitions: u32) {
    poll_until("the lag is known", TIMEOUT, async || {
        let status: Value =
            test.cluster.get("userstreampipeline", &test.namespace, "users").await["status"].clone();
        let is_known = status["processor"]["lag"].is_number();
        if is_known && status["topic"]["partitions"] == partitions { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn lag_of_an_observed_topic_is_known_and_follows_its_growth() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline();
    pipeline["spec"]["kafka"]["topic"]["managementPolicy"] = json!("Observe");
    let topic = pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap().to_owned();
    let tool = async |action: &str, more: &[&str]| {
        test.rig.kafka_tool(&[&["TopicCommand", action, "--topic", &topic], more].concat()).await;
    };
    tool("--create", &["--partitions", "5", "--replication-factor", "1"]).await;
    test.cluster.apply(&pipeline).await;
    test.await_ready().await;
    await_known_lag(&test, 5).await;
    tool("--alter", &["--partitions", "7"]).await;
    await_known_lag(&test, 7).await;
    test.await_ready().await;
    test.assert_healthy().await;
    test.tear_down().await;
    tool("--delete", &[]).await;
}
