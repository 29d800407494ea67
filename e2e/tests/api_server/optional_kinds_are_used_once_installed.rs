use serde_json::{Value, json};
use userstream_e2e::cluster::Cluster;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace};

/// The first owner of an object, by its kind and name.
fn owner(object: &Value) -> Option<(String, String)> {
    let owner = object.pointer("/metadata/ownerReferences/0")?;
    Some((owner["kind"].as_str()?.to_owned(), owner["name"].as_str()?.to_owned()))
}

/// Without the kinds, a KafkaTopic is missed in the status, and a PodMonitor is left out.
async fn assert_missing_kinds_are_named(test: &TestNamespace, pipeline: &Value) {
    let operator = test.operator().await;
    test.cluster.apply(pipeline).await;
    let ready = test.await_reason("users", "NoKafkaTopic").await;
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("install Strimzi and restart the operator"), "{message}");
    let mut monitored = test.pipeline("monitored");
    monitored["spec"]["observability"] = json!({"podMonitor": true});
    test.bring_up(&monitored).await;
    test.await_reason("monitored", "LagUnknown").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
    operator.kill();
}

async fn assert_kafka_topic(test: &TestNamespace, pipeline: &Value) {
    let cluster = test.cluster;
    test.await_object("kafkatopic", "users").await;
    let topic = cluster.get("kafkatopic", &test.namespace, "users").await;
    let wanted = json!({"topicName": pipeline["spec"]["kafka"]["topic"]["name"], "partitions": 3,
        "config": {"retention.ms": "60000"}});
    assert_eq!(topic["spec"], wanted);
    assert_eq!(topic["metadata"]["labels"]["strimzi.io/cluster"], "events");
    let uid = cluster.pipeline(&test.namespace, "users").await["metadata"]["uid"].clone();
    assert_eq!(topic["metadata"]["annotations"]["userstream.dev/retained-for"], uid);
    assert_eq!(owner(&topic), None, "with an owner it would be deleted with the pipeline, and its topic too");
}

async fn assert_pod_monitor(test: &TestNamespace) {
    let monitor = test.cluster.get("podmonitor", &test.namespace, "users").await;
    assert_eq!(owner(&monitor), Some(("UserStreamPipeline".to_owned(), "users".to_owned())));
    let wanted = json!({
        "selector": {"matchLabels": {"userstream.dev/pipeline": "users"}},
        "podMetricsEndpoints": [{"port": "status", "path": "/metrics"}],
        "podTargetLabels": ["userstream.dev/pipeline", "app.kubernetes.io/component"],
    });
    assert_eq!(monitor["spec"], wanted);
}

async fn assert_drift_is_corrected(test: &TestNamespace) {
    let cluster = test.cluster;
    for (kind, patch) in [
        ("kafkatopic", json!({"spec": {"partitions": 9}})),
        ("podmonitor", json!({"spec": {"podMetricsEndpoints": [{"port": "status", "path": "/elsewhere"}]}})),
    ] {
        let before = cluster.get(kind, &test.namespace, "users").await["spec"].clone();
        let patch = patch.to_string();
        cluster.kubectl(&["patch", kind, "-n", &test.namespace, "users", "--type=merge", "-p", &patch]).await;
        poll_until(&format!("the {kind} is restored"), TIMEOUT, async || {
            let found = cluster.get(kind, &test.namespace, "users").await["spec"].clone();
            if found == before { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
        cluster.kubectl(&["delete", kind, "-n", &test.namespace, "users"]).await;
        test.await_object(kind, "users").await;
    }
}

/// These kinds are cluster-wide objects, so the test has its own API server.
#[tokio::test]
async fn missing_kinds_are_named_and_used_once_installed() {
    let cluster = Cluster::bare_api_server("kinds").await;
    cluster.install_crd();
    let test = TestNamespace::within(cluster).await;
    let pipeline = test.pipeline_with_third_party_kinds("users");
    assert_missing_kinds_are_named(&test, &pipeline).await;

    test.install_third_party_kinds().await;
    let operator = test.operator().await;
    test.bring_up(&pipeline).await;
    test.await_object("podmonitor", "monitored").await;
    assert_kafka_topic(&test, &pipeline).await;
    assert_pod_monitor(&test).await;
    assert_drift_is_corrected(&test).await;
    test.patch(&json!({"spec": {"kafka": {"topic": {"deletionPolicy": "Delete"}}, "observability": {"podMonitor": false}}}))
        .await;
    poll_until("the pipeline owns the KafkaTopic, and the PodMonitor is gone", TIMEOUT, async || {
        let topic = owner(&cluster.get("kafkatopic", &test.namespace, "users").await);
        let monitors = cluster.list("podmonitor", &test.namespace).await.len();
        if topic.is_some() && monitors == 1 {
            Ok(())
        } else {
            Err(format!("{topic:?}, {monitors} PodMonitors"))
        }
    })
    .await;
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
