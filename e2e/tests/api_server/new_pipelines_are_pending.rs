use serde_json::{Value, json};
use userstream_crds::status::PipelineStatus;

use crate::test_namespace::Home;

/// The conditions of a status that nobody has said.
fn left_over(status: &Value) -> Vec<&Value> {
    let all = status["conditions"].as_array().unwrap().iter();
    all.filter(|one| one["reason"] == "Pending" || one["lastTransitionTime"] == "1970-01-01T00:00:00Z")
        .collect()
}

#[tokio::test]
async fn until_an_operator_says_something_of_it() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline("users")).await;
    let mut paused = home.pipeline("paused");
    paused["metadata"]["annotations"] = json!({"userstream.dev/pause-reconciliation": "true"});
    home.cluster.apply(&paused).await;
    for pipeline in ["users", "paused"] {
        assert_eq!(home.status(pipeline).await, json!(PipelineStatus::pending()), "{pipeline}");
    }
    let table = home.cluster.kubectl(&["get", "usp", "-n", &home.namespace, "users"]).await;
    assert!(table.contains("Unknown") && table.contains("Pending"), "{table}");

    let operator = home.operator().await;
    home.await_reason("users", "Provisioning").await;
    home.await_reason("paused", "Paused").await;
    let status = home.status("users").await;
    assert_eq!((&status["phase"], &status["observedGeneration"]), (&json!("Provisioning"), &json!(1)));
    for pipeline in ["users", "paused"] {
        let status = home.status(pipeline).await;
        assert_eq!(left_over(&status), Vec::<&Value>::new(), "{pipeline}");
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}
