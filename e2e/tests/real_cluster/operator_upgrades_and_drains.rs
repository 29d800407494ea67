//! What is done to the operator and the node, workers survive: an upgrade, the end of a leader, a drain, and an uninstall.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use userstream_e2e::cluster::SYSTEM;
use userstream_e2e::poll_until::await_until;
use userstream_e2e::rig::repository;

use crate::test_namespace::{Home, PATIENCE};

async fn upgrade(home: &Home, settings: &str) {
    let chart = repository().join("helm/userstream");
    let chart = chart.to_str().unwrap();
    let to = ["upgrade", "userstream", chart, "--namespace", SYSTEM, "--reuse-values", "--set", settings];
    home.cluster.helm(&[&to[..], &["--wait", "--timeout", "60s"]].concat()).await;
}

/// The pod of the operator that leads. One that was replaced is named by the Lease until another has taken it.
async fn leader(home: &Home) -> String {
    await_until("a pod that is there leads", PATIENCE, async || {
        let lease = home.cluster.get("lease", SYSTEM, "userstream").await;
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let pods = home.cluster.list("pods", SYSTEM).await;
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

/// The UIDs of the pods on a node that work and are to go on.
async fn workers_on(home: &Home, node: &str) -> BTreeSet<String> {
    let pods = home.cluster.list("pods", &home.namespace).await;
    let here = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node);
    let here: BTreeSet<String> = here.map(|pod| pod["metadata"]["uid"].to_string()).collect();
    home.workers().await.intersection(&here).cloned().collect()
}

#[tokio::test]
async fn workers_outlive_an_upgrade_and_the_end_of_the_leader() {
    let home = Home::alone().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    let workers = home.workers().await;
    upgrade(&home, "replicas=2,podAnnotations.upgraded=yes").await;
    home.await_more_rows(50).await;
    assert_eq!(home.workers().await, workers, "an upgrade of the operator restarts no worker");

    let first = leader(&home).await;
    home.cluster.kubectl(&["delete", "pod", "-n", SYSTEM, &first, "--grace-period=0", "--force"]).await;
    home.patch(&json!({"spec": {"processor": {"replicas": 2}}})).await;
    let ready = home.await_ready().await;
    assert_eq!(ready["status"]["processor"]["readyReplicas"], 2, "{:#}", ready["status"]);
    assert_ne!(leader(&home).await, first, "another leads");
    assert!(home.workers().await.is_superset(&workers), "what was not edited goes on");
    home.assert_calm().await;
    upgrade(&home, "replicas=1").await;
    home.leave().await;
}

#[tokio::test]
async fn a_drained_node_lets_go_of_every_worker_and_gets_them_back() {
    let home = Home::alone().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    let pods = home.cluster.list("pods", &home.namespace).await;
    let processor = pods.iter().find(|pod| component(pod) == "processor").unwrap();
    let node = processor["spec"]["nodeName"].as_str().unwrap();
    let workers = workers_on(&home, node).await;
    let how = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=90s"];
    home.cluster.kubectl(&[&["drain", node], &how[..]].concat()).await;
    assert!(workers_on(&home, node).await.is_empty(), "nothing holds up a drain");
    home.cluster.kubectl(&["uncordon", node]).await;
    home.cluster
        .kubectl(&["rollout", "status", "-n", SYSTEM, "deployment/userstream", "--timeout=90s"])
        .await;
    home.await_ready().await;
    home.await_more_rows(50).await;
    assert!(home.workers().await.is_disjoint(&workers));
    home.assert_calm().await;
    home.leave().await;
}

#[tokio::test]
async fn an_uninstall_takes_the_operator_alone_and_an_install_finds_all_as_it_was() {
    let home = Home::alone().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    let workers = home.workers().await;
    home.cluster
        .helm(&["uninstall", "userstream", "--namespace", SYSTEM, "--wait", "--timeout", "60s"])
        .await;
    await_until("the operator is gone", PATIENCE, async || {
        match home.cluster.list("deployments", SYSTEM).await {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:?}")),
        }
    })
    .await;
    let before = home.cluster.pipeline(&home.namespace, "users").await;
    home.await_more_rows(50).await;

    home.cluster.install().await;
    home.await_ready().await;
    home.await_more_rows(50).await;
    assert_eq!(home.workers().await, workers, "neither restarts a worker");
    let after = home.cluster.pipeline(&home.namespace, "users").await;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    home.assert_calm().await;
    home.leave().await;
}
