use axum::http::Method;
use serde_json::{Value, json};

use super::*;
use crate::runtime::fake_api_server::cluster::{FakeCluster, Written};

fn example() -> Value {
    let path = format!("{}/../crds/examples/users.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut resource: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    resource["metadata"]["namespace"] = json!("demo");
    resource["metadata"]["generation"] = json!(1);
    resource
}

fn controller(client: Client, namespaces: Vec<String>) -> Controller {
    Controller {
        client,
        workers: worker_client().unwrap(),
        settings: Settings::with_worker_image("example.org/userstream-worker:1"),
        namespaces,
        instance: "test".to_owned(),
        leader: LeaderGuard::always(),
        health: Arc::default(),
        metrics: Arc::default(),
    }
}

/// The writes up to the next Event, in short.
async fn until_event(cluster: &mut FakeCluster) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let Written { method, path, body } = cluster.next_write().await;
        let kind =
            path.split('/').find(|part| part.ends_with('s') && *part != "apis" && *part != "namespaces");
        let kind = kind.unwrap_or_default();
        if kind == "events" {
            all.push(format!("event {}", body["reason"].as_str().unwrap()));
            return all;
        }
        let what = match path.ends_with("/status") {
            true => body.pointer("/status/conditions/0/reason").and_then(Value::as_str).unwrap_or_default(),
            false => "",
        };
        all.push(format!("{method} {kind} {what}").trim_end().to_owned());
    }
}

#[tokio::test]
async fn new_pipeline_is_provisioned_and_an_edit_is_reconciled() {
    for namespaces in [vec![], vec!["other".to_owned(), "demo".to_owned()]] {
        let (client, mut cluster) = FakeCluster::with("userstreampipelines", example()).await;
        let running = tokio::spawn(controller(client, namespaces).run());
        let create = Method::POST;
        let expected = [
            format!("{create} configmaps"),
            format!("{create} jobs"),
            "PATCH userstreampipelines Provisioning".to_owned(),
            "event Provisioning".to_owned(),
        ];
        assert_eq!(until_event(&mut cluster).await, expected);

        cluster.edit("userstreampipelines", "users", |pipeline| {
            pipeline["metadata"]["generation"] = json!(2);
            pipeline["spec"]["kafka"]["keyField"] = json!("missing");
        });
        let expected = ["PATCH userstreampipelines Invalid", "event Invalid"];
        assert_eq!(until_event(&mut cluster).await, expected, "nothing else was written meanwhile");
        running.abort();
    }
}

#[tokio::test]
async fn pipeline_outside_the_watched_namespaces_is_left_alone() {
    let mut first = example();
    first["metadata"]["namespace"] = json!("elsewhere");
    let (client, mut cluster) = FakeCluster::with("userstreampipelines", first).await;
    let running = tokio::spawn(controller(client, vec!["demo".to_owned()]).run());
    let mut second = example();
    second["metadata"]["name"] = json!("second");
    cluster.create("userstreampipelines", second);
    let write = cluster.next_write().await;
    assert!(write.path.contains("/namespaces/demo/configmaps"), "{write:?}");
    running.abort();
}
