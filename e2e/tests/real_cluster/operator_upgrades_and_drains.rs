//! Workers survive an upgrade of the operator, the loss of its leader, and an uninstall; a drained node gets them back.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use userstream_e2e::cluster::SYSTEM;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::repository;

use crate::test_namespace::{TIMEOUT, TestNamespace};

async fn upgrade(test: &TestNamespace, settings: &str) {
    let chart = repository().join("helm/userstream");
    let chart = chart.to_str().unwrap();
    let to = ["upgrade", "userstream", chart, "--namespace", SYSTEM, "--reuse-values", "--set", settings];
    test.cluster.helm(&[&to[..], &["--wait", "--timeout", "60s"]].concat()).await;
}

/// The leading pod of the operator. The Lease names a deleted leader until another pod acquires it.
async fn leader(test: &TestNamespace) -> String {
    poll_until("an existing pod leads", TIMEOUT, async || {
        let lease = test.cluster.get("lease", SYSTEM, "userstream").await;
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let pods = test.cluster.list("pods", SYSTEM).await;
        let is_there = pods.iter().any(|pod| {
            pod["metadata"]["name"] == holder.as_str() && pod["metadata"]["deletionTimestamp"].is_null()
        });
        if is_there { Ok(holder) } else { Err(format!("the Lease names {holder:?}")) }
    })
    .await
}

fn component(pod: &Value) -> &Value {
    &pod["metadata"]["labels"]["app.kubernetes.io/component"]
}

/// The UIDs of the running pods on a node.
async fn workers_on(test: &TestNamespace, node: &str) -> BTreeSet<String> {
    let pods = test.cluster.list("pods", &test.namespace).await;
    let here = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node);
    let here: BTreeSet<String> = here.map(|pod| pod["metadata"]["uid"].to_string()).collect();
    test.workers().await.intersection(&here).cloned().collect()
}

#[tokio::test]
async fn workers_survive_an_operator_upgrade_and_leader_loss() {
    let test = TestNamespace::exclusive().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let workers = test.workers().await;
    upgrade(&test, "replicas=2,podAnnotations.upgraded=yes").await;
    test.await_more_rows(50).await;
    assert_eq!(test.workers().await, workers, "an upgrade of the operator restarts no worker");

    let first = leader(&test).await;
    test.cluster.kubectl(&["delete", "pod", "-n", SYSTEM, &first, "--grace-period=0", "--force"]).await;
    test.patch(&json!({"spec": {"processor": {"replicas": 2}}})).await;
    let ready = test.await_ready().await;
    assert_eq!(ready["status"]["processor"]["readyReplicas"], 2, "{:#}", ready["status"]);
    assert_ne!(leader(&test).await, first, "another leads");
    assert!(test.workers().await.is_superset(&workers), "running processors are kept");
    test.assert_healthy().await;
    upgrade(&test, "replicas=1").await;
    test.tear_down().await;
}

#[tokio::test]
async fn node_drain_evicts_every_worker_and_they_return() {
    let test = TestNamespace::exclusive().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let pods = test.cluster.list("pods", &test.namespace).await;
    let processor = pods.iter().find(|pod| component(pod) == "processor").unwrap();
    let node = processor["spec"]["nodeName"].as_str().unwrap();
    let workers = workers_on(&test, node).await;
    let how = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=90s"];
    test.cluster.kubectl(&[&["drain", node], &how[..]].concat()).await;
    assert!(workers_on(&test, node).await.is_empty(), "nothing blocks the drain");
    test.cluster.kubectl(&["uncordon", node]).await;
    test.cluster
        .kubectl(&["rollout", "status", "-n", SYSTEM, "deployment/userstream", "--timeout=90s"])
        .await;
    test.await_ready().await;
    test.await_more_rows(50).await;
    assert!(test.workers().await.is_disjoint(&workers));
    test.assert_healthy().await;
    test.tear_down().await;
}

#[tokio::test]
async fn uninstall_and_reinstall_keep_workers_running() {
    let test = TestNamespace::exclusive().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let workers = test.workers().await;
    test.cluster
        .helm(&["uninstall", "userstream", "--namespace", SYSTEM, "--wait", "--timeout", "60s"])
        .await;
    poll_until("the operator is gone", TIMEOUT, async || {
        match test.cluster.list("deployments", SYSTEM).await {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:?}")),
        }
    })
    .await;
    let before = test.cluster.pipeline(&test.namespace, "users").await;
    test.await_more_rows(50).await;

    test.cluster.install().await;
    test.await_ready().await;
    test.await_more_rows(50).await;
    assert_eq!(test.workers().await, workers, "neither uninstall nor install restarts a worker");
    let after = test.cluster.pipeline(&test.namespace, "users").await;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    test.assert_healthy().await;
    test.tear_down().await;
}
