//! Edits of a running pipeline: a new field, another scale, a suspension, a run now, and one that leads nowhere.

use serde_json::{Value, json};
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

/// The newest object of a kind that belongs to a component, as it is.
async fn newest(home: &Home, kind: &str, component: &str) -> Value {
    let all = home.cluster.list(kind, &home.namespace).await;
    let own =
        all.into_iter().filter(|it| it["metadata"]["labels"]["app.kubernetes.io/component"] == component);
    own.max_by_key(|it| it["metadata"]["creationTimestamp"].as_str().map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn a_field_is_added_while_records_flow_and_no_record_fails() {
    let home = Home::new().await;
    let mut pipeline = home.pipeline();
    home.cluster.apply(&pipeline).await;
    home.await_ready().await;
    let before = home.await_rows(50).await;
    let fields = pipeline["spec"]["schema"]["fields"].as_array_mut().unwrap();
    fields.push(json!({"name": "nat", "type": "string"}));
    home.cluster.apply(&pipeline).await;
    let ready = home.await_ready().await;
    assert!(ready["status"]["table"]["lastDdl"].as_str().unwrap().contains("nat"), "{:#}", ready["status"]);
    home.await_rows(before + 100).await;
    let (altered, processors) =
        (newest(&home, "jobs", "provision").await, newest(&home, "replicasets", "processor").await);
    let (up, producer) =
        (newest(&home, "pods", "processor").await, newest(&home, "replicasets", "producer").await);
    let order = [
        &altered["status"]["completionTime"],
        &processors["metadata"]["creationTimestamp"],
        &up["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
        &producer["metadata"]["creationTimestamp"],
    ];
    let order = order.map(|time| time.as_str().unwrap());
    assert!(order.is_sorted(), "the table is altered, then processors follow, then the producer: {order:?}");
    let letters = format!("{}.dlq", pipeline["spec"]["kafka"]["topic"]["name"].as_str().unwrap());
    let offsets = home.rig.kafka_tool(&["GetOffsetShell", "--topic", &letters]).await;
    let ends: Vec<&str> = offsets.lines().filter(|line| line.starts_with(&letters)).collect();
    assert!(!ends.is_empty() && ends.iter().all(|end| end.ends_with(":0")), "dead letters: {offsets}");
    home.assert_calm().await;
    home.leave().await;
}

#[tokio::test]
async fn it_is_scaled_suspended_and_resumed_without_losing_a_row_and_runs_once_when_asked() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    home.cluster.kubectl(&["scale", "userstreampipeline/users", "-n", &home.namespace, "--replicas=2"]).await;
    let scaled = home.await_ready().await;
    assert_eq!(scaled["status"]["processor"]["readyReplicas"], 2);

    home.patch(&json!({"spec": {"suspend": true}})).await;
    home.await_reason("Suspended").await;
    await_until("no pod works any more", PATIENCE, async || match home.workers().await {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
    let rows = home.rows().await;

    home.patch(&json!({"spec": {"suspend": false, "source": {"triggerNonce": 7}}})).await;
    home.await_reason("Running").await;
    home.await_rows(rows + 50).await;
    let run = await_until("the run has ended", PATIENCE, async || {
        let run = home.cluster.get("job", &home.namespace, "users-run-7").await;
        if run["status"]["succeeded"] == 1 { Ok(run) } else { Err(run["status"].to_string()) }
    })
    .await;
    let pipeline = home.cluster.pipeline(&home.namespace, "users").await;
    assert_eq!(pipeline["status"]["producer"]["observedTriggerNonce"], 7, "{run:#}");
    home.assert_calm().await;
    home.leave().await;
}

#[tokio::test]
async fn an_edit_that_cannot_be_provisioned_stops_nothing() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    let before = home.workers().await;
    // Nothing is wrong with it but that nobody is there.
    home.patch(&json!({"spec": {"kafka": {"bootstrapServers": "nowhere.example:9092"}}})).await;
    await_until("the edit is seen", PATIENCE, async || {
        let pipeline = home.cluster.pipeline(&home.namespace, "users").await;
        let seen = pipeline["status"]["observedGeneration"] == pipeline["metadata"]["generation"];
        if seen && pipeline["status"]["phase"] == "Degraded" {
            Ok(())
        } else {
            Err(pipeline["status"].to_string())
        }
    })
    .await;
    home.await_more_rows(100).await;
    assert!(home.workers().await.is_superset(&before), "the same pods go on");
    home.assert_calm_in_spite_of_faults().await;
    home.leave().await;
}
