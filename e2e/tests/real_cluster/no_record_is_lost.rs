//! While records flow, workers are scaled, killed and given other partitions; in the end the table has every record.

use serde_json::json;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

const RECORDS: i64 = 20_000;
/// How many users the generator gives at once.
const USERS_OF_A_PAGE: i64 = 1_000;

async fn scale(test: &TestNamespace, replicas: u32) {
    let replicas = format!("--replicas={replicas}");
    test.cluster.kubectl(&["scale", "userstreampipeline/users", "-n", &test.namespace, &replicas]).await;
}

#[tokio::test]
async fn scaling_and_topic_growth_lose_no_record() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.finite_pipeline(RECORDS)).await;
    test.await_table().await;
    test.await_rows(500).await;
    scale(&test, 3).await;
    test.patch(&json!({"spec": {"kafka": {"topic": {"partitions": 6}}}})).await;
    test.await_more_rows(500).await;
    scale(&test, 1).await;
    test.await_rows(RECORDS).await;
    let ready = test.await_ready().await;
    assert_eq!(ready["status"]["topic"]["partitions"], 6, "{:#}", ready["status"]);
    assert_eq!(ready["status"]["processor"]["readyReplicas"], 1, "{:#}", ready["status"]);
    assert_eq!(test.rows().await, RECORDS);
    test.assert_healthy().await;
    test.tear_down().await;
}

#[tokio::test]
async fn killed_processor_and_producer_lose_no_record() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.finite_pipeline(RECORDS)).await;
    test.await_table().await;
    test.await_rows(200).await;
    test.kill_pods("run").await;
    test.kill_pods("processor").await;
    test.await_more_rows(200).await;
    test.kill_pods("processor").await;
    poll_until("the run has ended well", TIMEOUT, async || {
        let run = test.cluster.get("job", &test.namespace, "users-run-1").await;
        if run["status"]["succeeded"] == 1 { Ok(()) } else { Err(run["status"].to_string()) }
    })
    .await;
    test.await_ready().await;
    // The attempt that ended well went on behind the last page of the one that was killed. A page that was appended twice makes
    // up the same users, and of none a user is missing.
    poll_until("the table has every page, and whole", TIMEOUT, async || {
        let rows = test.rows().await;
        let pages_are_whole = rows >= RECORDS && rows % USERS_OF_A_PAGE == 0;
        let lag = test.cluster.pipeline(&test.namespace, "users").await["status"]["processor"]["lag"].take();
        if pages_are_whole && lag == 0 { Ok(()) } else { Err(format!("{rows} rows, lag {lag}")) }
    })
    .await;
    test.assert_healthy_despite_faults().await;
    test.tear_down().await;
}
