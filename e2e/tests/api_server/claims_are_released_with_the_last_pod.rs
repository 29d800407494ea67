use serde_json::json;

use crate::test_namespace::{TestNamespace, name};

/// No garbage collector runs here, so the pod exists until the test deletes it.
#[tokio::test]
async fn claims_of_a_deleted_pipeline_are_held_until_its_pods_end() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    let first = test.pipeline("first");
    test.bring_up(&first).await;
    test.cluster.kubectl(&["create", "serviceaccount", "default", "-n", &test.namespace]).await;
    let processor = test.cluster.get("deployment", &test.namespace, "first-processor").await;
    let mut pod = processor["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("first-processor-x");
    pod["metadata"]["namespace"] = json!(test.namespace);
    test.cluster.apply(&pod).await;

    let mut second = first;
    second["metadata"]["name"] = json!("second");
    test.cluster.apply(&second).await;
    test.await_reason("second", "Conflict").await;
    test.cluster.kubectl(&["delete", "usp", "-n", &test.namespace, "first"]).await;
    let ready = test.await_reason("second", "AwaitingEnd").await;
    let former = format!("is still in use by the deleted pipeline {}/first", test.namespace);
    assert!(ready["message"].as_str().unwrap().contains(&former), "{ready}");
    for (of, is) in [("Reconciling", "True"), ("Stalled", "False")] {
        assert_eq!(test.condition("second", of).await["status"], is, "no action of a user is required");
    }
    let jobs = test.cluster.list("jobs", &test.namespace).await;
    assert!(!jobs.iter().any(|job| name(job).starts_with("second-")), "{jobs:#?}");

    let now = ["--force", "--grace-period=0"];
    let delete = ["delete", "pod", "-n", &test.namespace, "first-processor-x"];
    test.cluster.kubectl(&[&delete[..], &now[..]].concat()).await;
    test.await_object("job", "second-provision-").await;
    test.await_reason("second", "Provisioning").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
