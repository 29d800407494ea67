use serde_json::{Value, json};
use userstream_e2e::cluster::Cluster;
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE};

/// The first owner of an object, by its kind and name.
fn owner(object: &Value) -> Option<(String, String)> {
    let owner = object.pointer("/metadata/ownerReferences/0")?;
    Some((owner["kind"].as_str()?.to_owned(), owner["name"].as_str()?.to_owned()))
}

/// What Kubernetes' own kinds have no place for: kinds that are the whole cluster's, in one of the test's own.
#[tokio::test]
async fn kinds_that_are_not_there_are_named_and_used_once_they_are_installed() {
    let cluster = Cluster::bare_api_server("kinds").await;
    cluster.define();
    let home = Home::within(cluster).await;
    let operator = home.operator().await;
    let pipeline = home.pipeline_with_other_projects("users");
    cluster.apply(&pipeline).await;
    let ready = home.await_reason("users", "NoKafkaTopic").await;
    let told = ready["message"].as_str().unwrap();
    assert!(told.contains("install Strimzi and restart the operator"), "{told}");
    let mut monitored = home.pipeline("monitored");
    monitored["spec"]["observability"] = json!({"podMonitor": true});
    home.bring_up(&monitored).await;
    home.await_reason("monitored", "LagUnknown").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
    operator.kill();

    home.install_other_projects().await;
    let operator = home.operator().await;
    home.bring_up(&pipeline).await;
    home.await_object("podmonitor", "monitored").await;
    home.await_object("kafkatopic", "users").await;
    let topic = cluster.get("kafkatopic", &home.namespace, "users").await;
    let wanted = json!({"topicName": pipeline["spec"]["kafka"]["topic"]["name"], "partitions": 3,
        "config": {"retention.ms": "60000"}});
    assert_eq!(topic["spec"], wanted);
    assert_eq!(topic["metadata"]["labels"]["strimzi.io/cluster"], "events");
    let uid = cluster.pipeline(&home.namespace, "users").await["metadata"]["uid"].clone();
    assert_eq!(topic["metadata"]["annotations"]["userstream.dev/retained-for"], uid);
    assert_eq!(owner(&topic), None, "with an owner it would go with the pipeline, and its topic with it");
    let monitor = cluster.get("podmonitor", &home.namespace, "users").await;
    assert_eq!(owner(&monitor), Some(("UserStreamPipeline".to_owned(), "users".to_owned())));
    let wanted = json!({
        "selector": {"matchLabels": {"userstream.dev/pipeline": "users"}},
        "podMetricsEndpoints": [{"port": "status", "path": "/metrics"}],
        "podTargetLabels": ["userstream.dev/pipeline", "app.kubernetes.io/component"],
    });
    assert_eq!(monitor["spec"], wanted);

    for (kind, patch) in [
        ("kafkatopic", json!({"spec": {"partitions": 9}})),
        ("podmonitor", json!({"spec": {"podMetricsEndpoints": [{"port": "status", "path": "/elsewhere"}]}})),
    ] {
        let before = cluster.get(kind, &home.namespace, "users").await["spec"].clone();
        let patch = patch.to_string();
        cluster.kubectl(&["patch", kind, "-n", &home.namespace, "users", "--type=merge", "-p", &patch]).await;
        await_until(&format!("the {kind} is as it was"), PATIENCE, async || {
            let found = cluster.get(kind, &home.namespace, "users").await["spec"].clone();
            if found == before { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
        cluster.kubectl(&["delete", kind, "-n", &home.namespace, "users"]).await;
        home.await_object(kind, "users").await;
    }
    home.patch(&json!({"spec": {"kafka": {"topic": {"deletionPolicy": "Delete"}}, "observability": {"podMonitor": false}}}))
        .await;
    await_until("the KafkaTopic goes with the pipeline, and the PodMonitor is gone", PATIENCE, async || {
        let topic = owner(&cluster.get("kafkatopic", &home.namespace, "users").await);
        let monitors = cluster.list("podmonitor", &home.namespace).await.len();
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
