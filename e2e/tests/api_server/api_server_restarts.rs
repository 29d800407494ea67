use std::time::Duration;

use serde_json::json;
use userstream_e2e::cluster::Cluster;
use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::TestNamespace;

/// The backoff of an interrupted watch doubles up to 30 s.
const RECOVERY: Duration = Duration::from_secs(90);

#[tokio::test]
async fn readiness_follows_the_api_server_and_reconciling_resumes() {
    let cluster = Cluster::bare_api_server("restarted").await;
    cluster.install_crd();
    let test = TestNamespace::within(cluster).await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;

    cluster.kill_api_server().await;
    let missing =
        poll_until("the operator is not ready", RECOVERY, async || match operator.get("/readyz").await {
            Ok((503, missing)) => Ok(missing),
            other => Err(format!("{other:?}")),
        })
        .await;
    assert!(missing.contains("the API server does not answer"), "{missing}");
    assert_eq!(operator.get("/livez").await.unwrap().0, 200, "restarting the operator would not help");

    cluster.restart_api_server().await;
    operator.await_ready(RECOVERY).await;
    test.patch(&json!({"spec": {"processor": {"replicas": 2}}})).await;
    poll_until("an edit is in the Deployment", RECOVERY, async || {
        let found = cluster.get("deployment", &test.namespace, "users-processor").await;
        if found["spec"]["replicas"] == 2 { Ok(()) } else { Err(operator.log()) }
    })
    .await;
    test.bring_up(&test.pipeline("another")).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
