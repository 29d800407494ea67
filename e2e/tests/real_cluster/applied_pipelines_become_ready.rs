//! After `kubectl apply` a pipeline becomes `Ready` and rows arrive; `kubectl delete` removes its objects and keeps the data.

use std::time::Instant;

use serde_json::Value;
use userstream_e2e::cluster::{Cluster, SYSTEM};
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;

use crate::test_namespace::{TIMEOUT, TestNamespace};

#[tokio::test]
async fn helm_test_succeeds() {
    let (_rig, cluster) = (Rig::shared().await, Cluster::with_operator().await);
    let output = cluster.helm(&["test", "userstream", "--namespace", SYSTEM, "--timeout", "60s"]).await;
    assert!(output.contains("Phase:          Succeeded"), "{output}");
    // Helm deletes the pod of a test that has succeeded.
    let left = cluster
        .kubectl(&["get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=userstream-test", "-o", "name"])
        .await;
    assert_eq!(left, "");
}

#[tokio::test]
async fn applied_pipeline_becomes_ready_and_its_rows_outlive_it() {
    let test = TestNamespace::new().await;
    let began = Instant::now();
    test.cluster.apply(&test.pipeline()).await;
    let ready = test.await_ready().await;
    println!("Ready {:?} after apply", began.elapsed());
    assert_eq!(ready["status"]["phase"], "Running");
    assert_eq!(ready["status"]["topic"]["partitions"], 3, "{:#}", ready["status"]);
    let rows = test.await_rows(100).await;
    poll_until("the pipeline has an Event Running", TIMEOUT, async || {
        let events = test.cluster.list("events.events.k8s.io", &test.namespace).await;
        let is_running =
            |event: &Value| event["regarding"]["name"] == "users" && event["reason"] == "Running";
        if events.iter().any(is_running) { Ok(()) } else { Err(format!("{events:#?}")) }
    })
    .await;
    test.assert_healthy().await;

    test.cluster
        .kubectl(&["delete", "userstreampipeline", "-n", &test.namespace, "users", "--timeout=30s"])
        .await;
    test.await_gone().await;
    let left = test.rows().await;
    assert!(left >= rows, "the data is kept: {left} of {rows} rows");
    test.tear_down().await;
}
