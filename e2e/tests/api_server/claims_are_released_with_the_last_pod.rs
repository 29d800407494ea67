use serde_json::json;

use crate::test_namespace::{Home, name};

/// No garbage collector runs here, so that the pod stays until the test deletes it.
#[tokio::test]
async fn what_a_deleted_pipeline_worked_with_is_anothers_once_its_pods_are_gone() {
    let home = Home::new().await;
    let operator = home.operator().await;
    let first = home.pipeline("first");
    home.bring_up(&first).await;
    home.cluster.kubectl(&["create", "serviceaccount", "default", "-n", &home.namespace]).await;
    let processor = home.cluster.get("deployment", &home.namespace, "first-processor").await;
    let mut pod = processor["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("first-processor-x");
    pod["metadata"]["namespace"] = json!(home.namespace);
    home.cluster.apply(&pod).await;

    let mut second = first;
    second["metadata"]["name"] = json!("second");
    home.cluster.apply(&second).await;
    home.await_reason("second", "Conflict").await;
    home.cluster.kubectl(&["delete", "usp", "-n", &home.namespace, "first"]).await;
    let ready = home.await_reason("second", "AwaitingEnd").await;
    let former = format!("belonged to the pipeline {}/first", home.namespace);
    assert!(ready["message"].as_str().unwrap().contains(&former), "{ready}");
    for (of, is) in [("Reconciling", "True"), ("Stalled", "False")] {
        assert_eq!(home.condition("second", of).await["status"], is, "nobody has to do anything");
    }
    let jobs = home.cluster.list("jobs", &home.namespace).await;
    assert!(!jobs.iter().any(|job| name(job).starts_with("second-")), "{jobs:#?}");

    let now = ["--force", "--grace-period=0"];
    let delete = ["delete", "pod", "-n", &home.namespace, "first-processor-x"];
    home.cluster.kubectl(&[&delete[..], &now[..]].concat()).await;
    home.await_object("job", "second-provision-").await;
    home.await_reason("second", "Provisioning").await;
    assert_eq!(operator.errors(), Vec::<String>::new());
}
