use std::time::Duration;

use serde_json::json;
use userstream_e2e::cluster::Cluster;
use userstream_e2e::poll_until::await_until;

use crate::test_namespace::Home;

/// A watch that was interrupted is tried again after a pause that doubles, up to half a minute.
const RECOVERY: Duration = Duration::from_secs(90);

#[tokio::test]
async fn readiness_goes_and_comes_back_with_it_and_reconciling_goes_on() {
    let cluster = Cluster::bare_api_server("restarted").await;
    cluster.define();
    let home = Home::within(cluster).await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;

    cluster.kill_api_server().await;
    let missing = await_until("readiness is gone", RECOVERY, async || match operator.ask("/readyz").await {
        Ok((503, missing)) => Ok(missing),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(missing.contains("the API server does not answer"), "{missing}");
    assert_eq!(operator.ask("/livez").await.unwrap().0, 200, "restarting the operator would not help");

    cluster.start_api_server_again().await;
    operator.await_ready(RECOVERY).await;
    home.patch(&json!({"spec": {"processor": {"replicas": 2}}})).await;
    await_until("an edit is in the Deployment", RECOVERY, async || {
        let found = cluster.get("deployment", &home.namespace, "users-processor").await;
        if found["spec"]["replicas"] == 2 { Ok(()) } else { Err(operator.log()) }
    })
    .await;
    home.bring_up(&home.pipeline("another")).await;
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
