//! Two pipelines claim one topic and one table: the older holds both, and the younger waits until the older is deleted.

use std::collections::BTreeSet;

use serde_json::json;
use userstream_e2e::cluster::condition;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn younger_pipeline_creates_nothing_until_the_older_is_deleted() {
    // Two teams, each in its own namespace.
    let (older, younger) = (TestNamespace::new().await, TestNamespace::new().await);
    let mut pipeline = older.pipeline();
    pipeline["spec"]["kafka"]["topic"]["deletionPolicy"] = json!("Delete");
    pipeline["spec"]["sink"]["cassandra"]["table"]["deletionPolicy"] = json!("Delete");
    older.cluster.apply(&pipeline).await;
    older.await_ready().await;
    let workers = older.workers().await;

    pipeline["metadata"]["namespace"] = json!(younger.namespace);
    younger.cluster.apply(&pipeline).await;
    let refused = younger.await_reason("Conflict").await;
    let refused = condition(&refused, "Ready");
    assert_eq!(refused["status"], "False", "{refused:#}");
    let holder = format!("belongs to the older pipeline {}/users", older.namespace);
    assert!(refused["message"].as_str().unwrap().contains(&holder), "{refused:#}");
    older.await_more_rows(100).await;
    assert_eq!((younger.objects().await, younger.workers().await), (BTreeSet::new(), BTreeSet::new()));
    assert_eq!(older.workers().await, workers, "the older keeps running");
    older.await_ready().await;
    older.assert_healthy().await;

    older
        .cluster
        .kubectl(&["delete", "userstreampipeline", "-n", &older.namespace, "users", "--timeout=60s"])
        .await;
    older.await_gone().await;
    younger.await_ready().await;
    // The younger has provisioned topic and table anew: those of the older were deleted with it.
    older.await_rows(100).await;
    younger.assert_healthy_despite_faults().await;
    older.tear_down().await;
    younger.tear_down().await;
}
