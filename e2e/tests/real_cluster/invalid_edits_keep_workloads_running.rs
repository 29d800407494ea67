//! An edit that is refused, by the API server or by the operator, says why, and the last good configuration serves on.

use serde_json::json;
use userstream_crds::rules;
use userstream_e2e::cluster::condition;

use crate::test_namespace::Home;

#[tokio::test]
async fn what_must_not_change_is_refused_in_the_words_of_its_rule() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline()).await;
    let ready = home.await_ready().await;
    let (workers, objects) = (home.workers().await, home.objects().await);
    for (edit, rule) in [
        (json!({"kafka": {"topic": {"name": "another"}}}), &rules::TOPIC_NAME_KEPT),
        (json!({"kafka": {"topic": {"partitions": 1}}}), &rules::PARTITIONS_GROW),
        (json!({"sink": {"cassandra": {"table": {"name": "another"}}}}), &rules::TABLE_NAME_KEPT),
        (json!({"sink": {"cassandra": {"table": {"clusteringKey": ["fetched_at"]}}}}), &rules::KEY_KEPT),
    ] {
        let patch = json!({"spec": edit}).to_string();
        let how = ["--type=merge", "-p", &patch];
        let edit = [&["patch", "userstreampipeline", "-n", &home.namespace, "users"], &how[..]].concat();
        let refused = home.cluster.try_kubectl(&edit).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(rule.message), "{patch}: {said}");
    }
    home.await_more_rows(50).await;
    let after = home.await_ready().await;
    assert_eq!(after["metadata"]["generation"], ready["metadata"]["generation"]);
    assert_eq!((home.workers().await, home.objects().await), (workers, objects));
    home.assert_calm().await;
    home.leave().await;
}

#[tokio::test]
async fn an_edit_that_only_the_operator_can_judge_leaves_the_last_good_one_at_work_until_it_is_corrected() {
    let home = Home::new().await;
    home.cluster.apply(&home.pipeline()).await;
    home.await_ready().await;
    let (workers, objects) = (home.workers().await, home.objects().await);
    home.patch(&json!({"spec": {"processor": {"filter": "first_name =="}}})).await;
    let refused = home.await_reason("Invalid").await;
    assert_eq!(refused["status"]["phase"], "Degraded", "{:#}", refused["status"]);
    let (ready, stalled) = (condition(&refused, "Ready"), condition(&refused, "Stalled"));
    assert_eq!((&ready["status"], &stalled["status"]), (&json!("False"), &json!("True")));
    assert!(ready["message"].as_str().unwrap().contains("spec.processor.filter"), "{ready:#}");
    home.await_more_rows(100).await;
    assert_eq!((home.workers().await, home.objects().await), (workers, objects), "all is as it was");

    home.kill_pods("processor").await;
    home.await_more_rows(100).await;
    home.patch(&json!({"spec": {"processor": {"filter": "first_name != 'Nobody'"}}})).await;
    home.await_ready().await;
    home.await_more_rows(50).await;
    home.assert_calm().await;
    home.leave().await;
}
