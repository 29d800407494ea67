use serde_json::{Value, json};
use userstream_crds::status::PipelineStatus;

use crate::test_namespace::TestNamespace;

/// The conditions of a status that are still those of the CRD's default.
fn default_conditions(status: &Value) -> Vec<&Value> {
    let all = status["conditions"].as_array().unwrap().iter();
    all.filter(|one| one["reason"] == "Pending" || one["lastTransitionTime"] == "1970-01-01T00:00:00Z")
        .collect()
}

#[tokio::test]
async fn new_pipeline_is_pending_until_it_is_reconciled() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let mut paused = test.pipeline("paused");
    paused["metadata"]["annotations"] = json!({"userstream.dev/pause-reconciliation": "true"});
    test.cluster.apply(&paused).await;
    for pipeline in ["users", "paused"] {
        assert_eq!(test.status(pipeline).await, json!(PipelineStatus::pending()), "{pipeline}");
    }
    let table = test.cluster.kubectl(&["get", "usp", "-n", &test.namespace, "users"]).await;
    assert!(table.contains("Unknown") && table.contains("Pending"), "{table}");

    let operator = test.operator().await;
    test.await_reason("users", "Provisioning").await;
    test.await_reason("paused", "Paused").await;
    let status = test.status("users").await;
    assert_eq!((&status["phase"], &status["observedGeneration"]), (&json!("Provisioning"), &json!(1)));
    for pipeline in ["users", "paused"] {
        let status = test.status(pipeline).await;
        assert_eq!(default_conditions(&status), Vec::<&Value>::new(), "{pipeline}");
    }
    assert_eq!(operator.errors(), Vec::<String>::new());
}
