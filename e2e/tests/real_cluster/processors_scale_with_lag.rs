//! The autoscaler follows the lag up to the number of partitions, and reports its reason as a condition.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use userstream_e2e::cluster::condition;

use crate::test_namespace::TestNamespace;

const RECORDS: i64 = 9_000;

/// Waits until the condition has this reason; a watch does not miss one that lasts briefly.
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
    // One minute of work, however many processors share it.
    pipeline["spec"]["processor"] = json!({"maxRecordsPerSecond": 150});
    pipeline["spec"]["autoscaling"] =
        json!({"enabled": true, "lagThreshold": 100, "cooldown": "10s", "sinkLatencyCeiling": "10s"});
    test.cluster.apply(&pipeline).await;
    let began = Instant::now();
    let all_the_way = async {
        scaling(&test, "AtMaximum").await;
        assert_eq!(replicas(&test).await, 3, "one for each partition, however high the lag is");
        test.await_rows(RECORDS).await;
        assert!(began.elapsed() >= Duration::from_secs(55), "the processors share the rate limit");
        scaling(&test, "Cooldown").await;
        assert_eq!(replicas(&test).await, 3, "scaling down waits for the cooldown");
    };
    // These two reasons last only until the scaling that they cause is observed.
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
