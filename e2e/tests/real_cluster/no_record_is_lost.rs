//! Workers are scaled, killed and reassigned while records flow; in the end the table has every record.

use serde_json::json;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

const RECORDS: i64 = 20_000;
/// How many users a page of the generator has.
const USERS_PER_PAGE: i64 = 1_000;

async fn scale(test: &TestNamespace, replicas: u32) {
    let replicas = format!("--replicas={replicas}");
    test.cluster.kubectl(&["scale", "userstreampipeline/users", "-n", &test.namespace, &replicas]).await;
}

#[tokio::test]
async fn scaling_and_topic_growth_lose_no_record() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.finite_pipeline(RECORDS);
    // Records flow for more than a minute, so they still do when the processors change.
    pipeline["spec"]["processor"]["maxRecordsPerSecond"] = json!(300);
    test.cluster.apply(&pipeline).await;
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
    poll_until("the run has succeeded", TIMEOUT, async || {
        let run = test.cluster.get("job", &test.namespace, "users-run-1").await;
        if run["status"]["succeeded"] == 1 { Ok(()) } else { Err(run["status"].to_string()) }
    })
    .await;
    test.await_ready().await;
    // The second attempt resumes after the last saved page of the killed one. A page that is appended twice has the same
    // users both times, so the table has whole pages only.
    poll_until("the table has whole pages, and all of them", TIMEOUT, async || {
        let rows = test.rows().await;
        let pages_are_whole = rows >= RECORDS && rows % USERS_PER_PAGE == 0;
        let lag = test.cluster.pipeline(&test.namespace, "users").await["status"]["processor"]["lag"].take();
        if pages_are_whole && lag == 0 { Ok(()) } else { Err(format!("{rows} rows, lag {lag}")) }
    })
    .await;
    test.assert_healthy_despite_faults().await;
    test.tear_down().await;
}
