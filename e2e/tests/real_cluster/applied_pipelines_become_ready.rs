//! `kubectl apply` brings a pipeline to `Ready`, and rows arrive; `kubectl delete` takes everything of it but the data.

use std::time::Instant;

use serde_json::Value;
use userstream_e2e::cluster::{Cluster, SYSTEM};
use userstream_e2e::poll_until::await_until;
use userstream_e2e::rig::Rig;

use crate::test_namespace::{Home, PATIENCE};

#[tokio::test]
async fn helm_test_finds_the_operator_ready() {
    let (_undisturbed, cluster) = (Rig::shared().await, Cluster::with_operator().await);
    let said = cluster.helm(&["test", "userstream", "--namespace", SYSTEM, "--timeout", "60s"]).await;
    assert!(said.contains("Phase:          Succeeded"), "{said}");
    // A pod that has succeeded is removed; nothing is left behind.
    let left = cluster
        .kubectl(&["get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=userstream-test", "-o", "name"])
        .await;
    assert_eq!(left, "");
}

#[tokio::test]
async fn an_applied_pipeline_becomes_ready_and_its_rows_outlive_it() {
    let home = Home::new().await;
    let began = Instant::now();
    home.cluster.apply(&home.pipeline()).await;
    let ready = home.await_ready().await;
    println!("Ready {:?} after apply", began.elapsed());
    assert_eq!(ready["status"]["phase"], "Running");
    assert_eq!(ready["status"]["topic"]["partitions"], 3, "{:#}", ready["status"]);
    let rows = home.await_rows(100).await;
    await_until("an Event tells that the pipeline runs", PATIENCE, async || {
        let events = home.cluster.list("events.events.k8s.io", &home.namespace).await;
        let is_told = |event: &Value| event["regarding"]["name"] == "users" && event["reason"] == "Running";
        if events.iter().any(is_told) { Ok(()) } else { Err(format!("{events:#?}")) }
    })
    .await;
    home.assert_calm().await;

    home.cluster
        .kubectl(&["delete", "userstreampipeline", "-n", &home.namespace, "users", "--timeout=30s"])
        .await;
    home.await_gone().await;
    let left = home.rows().await;
    assert!(left >= rows, "the data is kept: {left} of {rows} rows");
    home.leave().await;
}
