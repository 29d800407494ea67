//! As many processors as the lag wants, within the partitions, with the reason as a condition; fewer once it is low.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use userstream_e2e::cluster::condition;

use crate::test_namespace::Home;

const RECORDS: i64 = 9_000;

/// Waits until the condition has had this reason, for however short a time.
async fn scaling(home: &Home, reason: &str) {
    let place = r#"{.status.conditions[?(@.type=="ScalingActive")].reason}"#;
    let told = format!("--for=jsonpath={place}={reason}");
    let arguments = ["wait", "userstreampipeline/users", "-n", &home.namespace, &told, "--timeout=180s"];
    home.cluster.kubectl(&arguments).await;
}

async fn replicas(home: &Home) -> Value {
    home.cluster.get("deployment", &home.namespace, "users-processor").await["spec"]["replicas"].clone()
}

#[tokio::test]
async fn processors_are_added_for_the_lag_and_taken_away_after_it_and_the_reason_is_told() {
    let home = Home::new().await;
    let mut pipeline = home.finite_pipeline(RECORDS);
    // A minute of work, whoever does it.
    pipeline["spec"]["processor"] = json!({"maxRecordsPerSecond": 150});
    pipeline["spec"]["autoscaling"] =
        json!({"enabled": true, "lagThreshold": 100, "cooldown": "10s", "sinkLatencyCeiling": "10s"});
    home.cluster.apply(&pipeline).await;
    let began = Instant::now();
    let all_the_way = async {
        scaling(&home, "AtMaximum").await;
        assert_eq!(replicas(&home).await, 3, "one for each partition, however high the lag is");
        home.await_rows(RECORDS).await;
        assert!(began.elapsed() >= Duration::from_secs(55), "three together read as many as one would");
        scaling(&home, "Cooldown").await;
        assert_eq!(replicas(&home).await, 3, "nothing is taken away at once");
    };
    // These last for no longer than it takes to see what they have led to.
    tokio::join!(scaling(&home, "LagHigh"), all_the_way, scaling(&home, "LagLow"));
    scaling(&home, "Steady").await;
    assert_eq!(replicas(&home).await, 1);
    let ready = home.await_ready().await;
    assert_eq!(condition(&ready, "ScalingActive")["status"], "True", "{:#}", ready["status"]);
    assert_eq!(ready["status"]["processor"]["replicas"], 1, "{:#}", ready["status"]);
    assert_eq!(home.rows().await, RECORDS);
    home.assert_calm().await;
    home.leave().await;
}
