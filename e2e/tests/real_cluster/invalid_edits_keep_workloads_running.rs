//! An edit that the API server or the operator refuses states the reason, and the last good configuration keeps running.

use serde_json::json;
use userstream_crds::rules;
use userstream_e2e::cluster::condition;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn edit_of_an_immutable_field_is_refused_with_its_rule() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline()).await;
    let ready = test.await_ready().await;
    let (workers, objects) = (test.workers().await, test.objects().await);
    for (edit, rule) in [
        (json!({"kafka": {"topic": {"name": "another"}}}), &rules::TOPIC_NAME_KEPT),
        (json!({"kafka": {"topic": {"partitions": 1}}}), &rules::PARTITIONS_GROW),
        (json!({"sink": {"cassandra": {"table": {"name": "another"}}}}), &rules::TABLE_NAME_KEPT),
        (json!({"sink": {"cassandra": {"table": {"clusteringKey": ["fetched_at"]}}}}), &rules::KEY_KEPT),
    ] {
        let patch = json!({"spec": edit}).to_string();
        let how = ["--type=merge", "-p", &patch];
        let edit = [&["patch", "userstreampipeline", "-n", &test.namespace, "users"], &how[..]].concat();
        let refused = test.cluster.try_kubectl(&edit).await;
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && stderr.contains(rule.message), "{patch}: {stderr}");
    }
    test.await_more_rows(50).await;
    let after = test.await_ready().await;
    assert_eq!(after["metadata"]["generation"], ready["metadata"]["generation"]);
    assert_eq!((test.workers().await, test.objects().await), (workers, objects));
    test.assert_healthy().await;
    test.tear_down().await;
}

#[tokio::test]
async fn invalid_edit_keeps_the_last_good_configuration_running() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline()).await;
    test.await_ready().await;
    let (workers, objects) = (test.workers().await, test.objects().await);
    test.patch(&json!({"spec": {"processor": {"filter": "first_name =="}}})).await;
    let refused = test.await_reason("Invalid").await;
    assert_eq!(refused["status"]["phase"], "Degraded", "{:#}", refused["status"]);
    let (ready, stalled) = (condition(&refused, "Ready"), condition(&refused, "Stalled"));
    assert_eq!((&ready["status"], &stalled["status"]), (&json!("False"), &json!("True")));
    assert!(ready["message"].as_str().unwrap().contains("spec.processor.filter"), "{ready:#}");
    test.await_more_rows(100).await;
    assert_eq!((test.workers().await, test.objects().await), (workers, objects), "nothing has changed");

    test.kill_pods("processor").await;
    test.await_more_rows(100).await;
    test.patch(&json!({"spec": {"processor": {"filter": "first_name != 'Test'"}}})).await;
    test.await_ready().await;
    test.await_more_rows(50).await;
    test.assert_healthy().await;
    test.tear_down().await;
}
