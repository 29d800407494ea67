use serde_json::json;

use crate::test_namespace::{TestNamespace, name};

#[tokio::test]
async fn foreign_object_is_neither_adopted_nor_overwritten() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let foreign = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        // Its labels equal those of the operator's objects.
        "metadata": {"name": "users-processor", "namespace": test.namespace, "labels": {
            "app.kubernetes.io/managed-by": "userstream-operator", "userstream.dev/pipeline": "users"}},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "other", "image": "other"}]}}},
    });
    test.cluster.apply(&foreign).await;
    let before = test.cluster.get("deployment", &test.namespace, "users-processor").await;
    test.cluster.apply(&test.pipeline("users")).await;
    test.await_object("job", "users-provision-").await;
    test.complete_jobs().await;
    let ready = test.await_reason("users", "NameTaken").await;
    assert!(ready["message"].as_str().unwrap().contains("users-processor exists"), "{ready}");
    assert_eq!(test.cluster.get("deployment", &test.namespace, "users-processor").await, before);

    test.cluster.kubectl(&["delete", "deployment", "-n", &test.namespace, "users-processor"]).await;
    test.cluster
        .kubectl(&["annotate", "userstreampipeline", "-n", &test.namespace, "users", "note=reconcile"])
        .await;
    test.await_reason("users", "RollingOut").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}

#[tokio::test]
async fn conflicting_pipeline_creates_no_objects() {
    let test = TestNamespace::new().await;
    let _operator = test.operator().await;
    let first = test.pipeline("first");
    test.bring_up(&first).await;
    let mut second = first;
    second["metadata"]["name"] = json!("second");
    test.cluster.apply(&second).await;
    let ready = test.await_reason("second", "Conflict").await;
    assert!(ready["message"].as_str().unwrap().contains("/first"), "{ready}");
    let all = test.cluster.list("configmaps,jobs,cronjobs,deployments", &test.namespace).await;
    let started: Vec<String> = all.iter().map(name).filter(|name| name.starts_with("second")).collect();
    assert_eq!(started, Vec::<String>::new());

    test.cluster.kubectl(&["delete", "userstreampipeline", "-n", &test.namespace, "first"]).await;
    test.await_object("job", "second-provision-").await;
}
