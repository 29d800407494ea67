//! A freshness objective is a condition of its own: rows that come late break it, and nothing else.

use serde_json::{Value, json};
use userstream_e2e::cluster::condition;

use crate::test_namespace::{Home, PATIENCE};

async fn freshness(home: &Home, reason: &str) -> Value {
    // What is told of is the last minute, and the operator asks twice a minute.
    home.cluster.await_reason(&home.namespace, "users", "FreshnessMet", reason, PATIENCE * 2).await
}

#[tokio::test]
async fn rows_that_come_late_break_the_objective_until_they_are_fresh_again() {
    let home = Home::new().await;
    let mut pipeline = home.pipeline();
    pipeline["spec"]["objectives"] = json!({"freshness": "5s"});
    home.cluster.apply(&pipeline).await;
    let fresh = freshness(&home, "Fresh").await;
    assert_eq!(condition(&fresh, "FreshnessMet")["status"], "True", "{:#}", fresh["status"]);

    home.patch(&json!({"spec": {"processor": {"maxRecordsPerSecond": 35}}})).await;
    home.await_ready().await;
    let workers = home.workers().await;
    let broken = freshness(&home, "Late").await;
    let late = condition(&broken, "FreshnessMet");
    assert_eq!(late["status"], "False", "{late:#}");
    assert!(late["message"].as_str().unwrap().contains("within 5s"), "{late:#}");
    assert_eq!(condition(&broken, "Ready")["status"], "True", "{:#}", broken["status"]);
    assert_eq!(home.workers().await, workers, "nothing is done about it");

    home.patch(&json!({"spec": {"processor": {"maxRecordsPerSecond": 0}}})).await;
    let fresh = freshness(&home, "Fresh").await;
    assert_eq!(condition(&fresh, "FreshnessMet")["status"], "True", "{:#}", fresh["status"]);
    home.assert_calm().await;
    home.leave().await;
}
