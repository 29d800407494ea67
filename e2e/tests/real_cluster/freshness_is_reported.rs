//! A freshness objective has its own condition, which late rows turn false; no other condition changes.

use serde_json::{Value, json};
use userstream_e2e::cluster::condition;

use crate::test_namespace::{TIMEOUT, TestNamespace};

async fn freshness(test: &TestNamespace, reason: &str) -> Value {
    // The condition covers the last minute, and the operator scrapes the workers twice a minute.
    test.cluster.await_reason(&test.namespace, "users", "FreshnessMet", reason, TIMEOUT * 2).await
}

#[tokio::test]
async fn late_rows_break_the_freshness_objective_until_they_recover() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline();
    pipeline["spec"]["objectives"] = json!({"freshness": "5s"});
    test.cluster.apply(&pipeline).await;
    let fresh = freshness(&test, "Fresh").await;
    assert_eq!(condition(&fresh, "FreshnessMet")["status"], "True", "{:#}", fresh["status"]);

    test.patch(&json!({"spec": {"processor": {"maxRecordsPerSecond": 35}}})).await;
    test.await_ready().await;
    let workers = test.workers().await;
    let broken = freshness(&test, "Late").await;
    let late = condition(&broken, "FreshnessMet");
    assert_eq!(late["status"], "False", "{late:#}");
    assert!(late["message"].as_str().unwrap().contains("above 5s"), "{late:#}");
    assert_eq!(condition(&broken, "Ready")["status"], "True", "{:#}", broken["status"]);
    assert_eq!(test.workers().await, workers, "the workers are not restarted");

    test.patch(&json!({"spec": {"processor": {"maxRecordsPerSecond": 0}}})).await;
    let fresh = freshness(&test, "Fresh").await;
    assert_eq!(condition(&fresh, "FreshnessMet")["status"], "True", "{:#}", fresh["status"]);
    test.assert_healthy().await;
    test.tear_down().await;
}
