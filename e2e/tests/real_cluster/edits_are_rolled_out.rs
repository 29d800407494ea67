//! Edits of a running pipeline: a new field, scaling, suspension, a triggered run, and an edit that cannot be provisioned.

use serde_json::{Value, json};
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

/// The newest object of a kind and a component.
async fn newest(test: &TestNamespace, kind: &str, component: &str) -> Value {
    let all = test.cluster.list(kind, &test.namespace).await;
    let own =
        all.into_iter().filter(|it| it["metadata"]["labels"]["app.kubernetes.io/component"] == component);
    own.max_by_key(|it| it["metadata"]["creationTimestamp"].as_str().map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn field_is_added_without_a_dead_letter() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.pipeline();
    test.cluster.apply(&pipeline).await;
    test.await_ready().await;
    let before = test.await_rows(50).await;
    let fields = pipeline["spec"]["schema"]["fields"].as_array_mut().unwrap();
    fields.push(json!({"name": "nat", "type": "string"}));
    test.cluster.apply(&pipeline).await;
    let ready = test.await_ready().await;
    assert!(ready["status"]["table"]["lastDdl"].as_str().unwrap().contains("nat"), "{:#}", ready["status"]);
    test.await_rows(before + 100).await;
    let (altered, processors) =
        (newest(&test, "jobs", "provision").await, newest(&test, "replicasets", "processor").await);
    let (up, producer) =
        (newest(&test, "pods", "processor").await, newest(&test, "replicasets", "producer").await);
    let order = [
        &altered["status"]["completionTime"],
        &processors["metadata"]["creationTimestamp"],
        &up["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
        &producer["metadata"]["creationTimestamp"],
    ];
    let order = order.map(|time| time.as_str().unwrap());
    assert!(
        order.is_sorted(),
        "the table is altered before the processors roll out, and the producer is last: {order:?}"
    );
    let letters = format!("{}.dlq", pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap());
    let offsets = test.rig.kafka_tool(&["GetOffsetShell", "--topic", &letters]).await;
    let ends: Vec<&str> = offsets.lines().filter(|line| line.starts_with(&letters)).collect();
    assert!(!ends.is_empty() && ends.iter().all(|end| end.ends_with(":0")), "dead letters: {offsets}");
    test.assert_healthy().await;
    test.tear_down().await;
}

#[tokio::test]
async fn pipeline_is_scaled_suspended_resumed_and_triggered_once() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    test.cluster.kubectl(&["scale", "userstreampipeline/users", "-n", &test.namespace, "--replicas=2"]).await;
    let scaled = test.await_ready().await;
    assert_eq!(scaled["status"]["processor"]["readyReplicas"], 2);

    test.patch(&json!({"spec": {"suspend": true}})).await;
    test.await_reason("Suspended").await;
    poll_until("no worker is left", TIMEOUT, async || match test.workers().await {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
    let rows = test.rows().await;

    test.patch(&json!({"spec": {"suspend": false, "source": {"triggerNonce": 7}}})).await;
    test.await_reason("Running").await;
    test.await_rows(rows + 50).await;
    let run = poll_until("the run has ended", TIMEOUT, async || {
        let run = test.cluster.get("job", &test.namespace, "users-run-7").await;
        if run["status"]["succeeded"] == 1 { Ok(run) } else { Err(run["status"].to_string()) }
    })
    .await;
    let pipeline = test.cluster.pipeline(&test.namespace, "users").await;
    assert_eq!(pipeline["status"]["producer"]["observedTriggerNonce"], 7, "{run:#}");
    test.assert_healthy().await;
    test.tear_down().await;
}

#[tokio::test]
async fn unprovisionable_edit_keeps_workers_running() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let before = test.workers().await;
    // The address is valid, but no broker answers there.
    test.patch(&json!({"spec": {"kafka": {"bootstrapServers": "nowhere.example:9092"}}})).await;
    poll_until("the edit is observed", TIMEOUT, async || {
        let pipeline = test.cluster.pipeline(&test.namespace, "users").await;
        let is_observed = pipeline["status"]["observedGeneration"] == pipeline["metadata"]["generation"];
        if is_observed && pipeline["status"]["phase"] == "Degraded" {
            Ok(())
        } else {
            Err(pipeline["status"].to_string())
        }
    })
    .await;
    test.await_more_rows(100).await;
    assert!(test.workers().await.is_superset(&before), "the same pods keep running");
    test.assert_healthy_despite_faults().await;
    test.tear_down().await;
}
