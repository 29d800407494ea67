use serde_json::json;

use crate::test_namespace::{Home, name};

#[tokio::test]
async fn an_object_of_somebody_else_under_our_name_is_neither_adopted_nor_overwritten() {
    let home = Home::new().await;
    let operator = home.operator().await;
    let foreign = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        // Its labels make it look like the operator's own.
        "metadata": {"name": "users-processor", "namespace": home.namespace, "labels": {
            "app.kubernetes.io/managed-by": "userstream-operator", "userstream.dev/pipeline": "users"}},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "other", "image": "other"}]}}},
    });
    home.cluster.apply(&foreign).await;
    let before = home.cluster.get("deployment", &home.namespace, "users-processor").await;
    home.cluster.apply(&home.pipeline("users")).await;
    home.await_object("job", "users-provision-").await;
    home.complete_jobs().await;
    let ready = home.await_reason("users", "NameTaken").await;
    assert!(ready["message"].as_str().unwrap().contains("users-processor exists"), "{ready}");
    assert_eq!(home.cluster.get("deployment", &home.namespace, "users-processor").await, before);

    home.cluster.kubectl(&["delete", "deployment", "-n", &home.namespace, "users-processor"]).await;
    home.cluster
        .kubectl(&["annotate", "userstreampipeline", "-n", &home.namespace, "users", "note=look-again"])
        .await;
    home.await_reason("users", "RollingOut").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_pipeline_that_claims_the_same_starts_nothing() {
    let home = Home::new().await;
    let _operator = home.operator().await;
    let first = home.pipeline("first");
    home.bring_up(&first).await;
    let mut second = first;
    second["metadata"]["name"] = json!("second");
    home.cluster.apply(&second).await;
    let ready = home.await_reason("second", "Conflict").await;
    assert!(ready["message"].as_str().unwrap().contains("/first"), "{ready}");
    let all = home.cluster.list("configmaps,jobs,cronjobs,deployments", &home.namespace).await;
    let started: Vec<String> = all.iter().map(name).filter(|name| name.starts_with("second")).collect();
    assert_eq!(started, Vec::<String>::new());

    home.cluster.kubectl(&["delete", "userstreampipeline", "-n", &home.namespace, "first"]).await;
    home.await_object("job", "second-provision-").await;
}
