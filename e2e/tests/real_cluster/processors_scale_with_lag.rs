//! As many processors as the lag wants, within the partitions, with the reason as a condition; fewer once it is low.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use userstream_e2e::cluster::condition;

use crate::test_namespace::TestNamespace;

const RECORDS: i64 = 9_000;

/// Waits until the condition has had this reason, for however short a time.
async fn scaling(test: &TestNamespace, reason: &str) {
    let place = r#"{.status.conditions[?(@.type=="ScalingActive")].reason}"#;
    let jsonpath = format!("--for=jsonpath={place}={reason}");
    let arguments = ["wait", "userstreampipeline/users", "-n", &test.namespace, &jsonpath, "--timeout=180s"];
    test.cluster.kubectl(&arguments).await;
}

async fn replicas(test: &TestNamespace) -> Value {
    test.cluster.get("deployment", &test.namespace, "users-processor").await["spec"]["replicas"].clone()
}

#[tokio::test]
async fn autoscaler_follows_the_lag_and_reports_its_reason() {
    let test = TestNamespace::new().await;
    let mut pipeline = test.finite_pipeline(RECORDS);
    // A minute of work, whoever does it.
    pipeline["spec"]["processor"] = json!({"maxRecordsPerSecond": 150});
    pipeline["spec"]["autoscaling"] =
        json!({"enabled": true, "lagThreshold": 100, "cooldown": "10s", "sinkLatencyCeiling": "10s"});
    test.cluster.apply(&pipeline).await;
    let began = Instant::now();
    let all_the_way = async {
        scaling(&test, "AtMaximum").await;
        assert_eq!(replicas(&test).await, 3, "one for each partition, however high the lag is");
        test.await_rows(RECORDS).await;
        assert!(began.elapsed() >= Duration::from_secs(55), "three together read as many as one would");
        scaling(&test, "Cooldown").await;
        assert_eq!(replicas(&test).await, 3, "nothing is taken away at once");
    };
    // These last for no longer than it takes to see what they have led to.
    tokio::join!(scaling(&test, "LagHigh"), all_the_way, scaling(&test, "LagLow"));
    scaling(&test, "Steady").await;
    assert_eq!(replicas(&test).await, 1);
    let ready = test.await_ready().await;
    assert_eq!(condition(&ready, "ScalingActive")["status"], "True", "{:#}", ready["status"]);
    assert_eq!(ready["status"]["processor"]["replicas"], 1, "{:#}", ready["status"]);
    assert_eq!(test.rows().await, RECORDS);
    test.assert_healthy().await;
    test.tear_down().await;
}
