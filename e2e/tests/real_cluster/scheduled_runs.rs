//! A source with a schedule runs when its time has come, and once.

use serde_json::json;

use crate::test_namespace::Home;

#[tokio::test]
async fn a_run_of_the_schedule_brings_its_rows_and_its_condition() {
    let home = Home::new().await;
    let mut pipeline = home.finite_pipeline(200);
    pipeline["spec"]["source"]["schedule"]["cron"] = json!("* * * * *");
    pipeline["spec"]["source"]["triggerNonce"] = json!(0);
    home.cluster.apply(&pipeline).await;
    let waiting = home.await_ready().await;
    assert_eq!(waiting["status"]["producer"]["kind"], "CronJob", "{:#}", waiting["status"]);
    home.await_rows(200).await;
    let ran = home
        .cluster
        .await_reason(
            &home.namespace,
            "users",
            "ProducerReady",
            "LastRunSucceeded",
            crate::test_namespace::PATIENCE,
        )
        .await;
    assert!(ran["status"]["producer"]["lastSuccessTime"].is_string(), "{:#}", ran["status"]);
    let deployments = home.cluster.list("deployments", &home.namespace).await;
    assert_eq!(deployments.len(), 1, "the processors': nothing of the producer stays between runs");
    home.assert_calm().await;
    home.leave().await;
}
