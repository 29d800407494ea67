//! A source with a schedule runs once per scheduled time.

use serde_json::json;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn scheduled_run_writes_its_rows_and_its_condition() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.finite_pipeline(200);
    pipeline["spec"]["source"]["schedule"]["cron"] = json!("* * * * *");
    pipeline["spec"]["source"]["triggerNonce"] = json!(0);
    test.cluster.apply(&pipeline).await;
    let waiting = test.await_ready().await;
    assert_eq!(waiting["status"]["producer"]["kind"], "CronJob", "{:#}", waiting["status"]);
    test.await_rows(200).await;
    let ran = test
        .cluster
        .await_reason(
            &test.namespace,
            "users",
            "ProducerReady",
            "LastRunSucceeded",
            crate::test_namespace::TIMEOUT,
        )
        .await;
    assert!(ran["status"]["producer"]["lastSuccessTime"].is_string(), "{:#}", ran["status"]);
    let deployments = test.cluster.list("deployments", &test.namespace).await;
    assert_eq!(deployments.len(), 1, "the processor alone: the producer has no Deployment between runs");
    test.assert_healthy().await;
    test.tear_down().await;
}
