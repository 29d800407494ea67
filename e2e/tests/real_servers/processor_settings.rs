//! Settings of the processor that decide which records become rows, and when a row counts as written.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::record::NewRecord;
use userstream_e2e::rig::Rig;
use userstream_e2e::users;

const USERS: usize = 300;

/// The ids of so many users, from the first on.
fn ids(first: usize, count: usize) -> BTreeSet<String> {
    (first..first + count).map(|number| users::id(number).to_string()).collect()
}

async fn written(pipeline: &Pipeline) -> BTreeSet<String> {
    pipeline.rows().await.into_iter().map(|(id, _)| id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_starts_at_the_first_record_of_a_time() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "starts_at_a_time").await;
    let time = "2026-01-31T12:00:00Z".parse::<jiff::Timestamp>().expect("it is a time");
    pipeline.spec["processor"]["startingOffsets"] = json!(time.to_string());
    pipeline.provision().await;
    for (first, timestamp) in [(0, time.as_millisecond() - 1), (USERS, time.as_millisecond())] {
        let records =
            users::records(first, USERS, 1).into_iter().map(|record| NewRecord { timestamp, ..record });
        pipeline.kafka.append(&pipeline.name, &records.collect::<Vec<_>>()).await;
    }
    let _processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    assert_eq!(written(&pipeline).await, ids(USERS, USERS));
}

/// Also after a restart: `Latest` is the end of the topic at the group's first start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_starts_at_the_end_of_its_first_start() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "starts_at_the_end").await;
    pipeline.spec["processor"]["startingOffsets"] = json!("Latest");
    pipeline.provision().await;
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let processor = pipeline.process();
    processor.await_ready(Duration::from_secs(60)).await;
    processor.kill().await;
    pipeline.kafka.append(&pipeline.name, &users::records(USERS, USERS, 1)).await;
    let _processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    assert_eq!(written(&pipeline).await, ids(USERS, USERS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filter_drops_records_and_counts_them() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "filtered").await;
    pipeline.spec["processor"]["filter"] = json!("age >= 40 && gender == 'female'");
    pipeline.provision().await;
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    let is_kept = |number: &usize| {
        let user = users::user(*number, 0);
        user["gender"] == "female" && user["dob"]["age"].as_i64().is_some_and(|age| age >= 40)
    };
    let kept: BTreeSet<String> =
        (0..USERS).filter(is_kept).map(|number| users::id(number).to_string()).collect();
    assert!((1..USERS).contains(&kept.len()), "the filter keeps {} of {USERS}", kept.len());
    assert_eq!(written(&pipeline).await, kept);
    let status = processor.status().await.expect("it answers");
    assert_eq!(status["processor"]["filtered"], USERS - kept.len(), "{status}");
    assert_eq!(
        pipeline.kafka.count(&pipeline.dead_letter_topic()).await,
        0,
        "a dropped record is no dead letter"
    );
}

/// One node has one of three replicas: enough for `LOCAL_ONE`, too few for the default `LOCAL_QUORUM`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_written_at_the_declared_consistency() {
    let rig = Rig::shared().await;
    let mut one = Pipeline::without_source(&rig, "consistency_one").await;
    one.spec["sink"]["cassandra"]["consistency"] = json!("LOCAL_ONE");
    let quorum = Pipeline::without_source(&rig, "consistency_quorum").await;
    let replicas = async |pipeline: &Pipeline, count: usize| {
        let name = &pipeline.name;
        let replication = format!("{{'class': 'NetworkTopologyStrategy', 'datacenter1': {count}}}");
        pipeline.cassandra.execute(&format!("ALTER KEYSPACE {name} WITH replication = {replication}")).await;
    };
    for pipeline in [&one, &quorum] {
        pipeline.provision().await;
        replicas(pipeline, 3).await;
        pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    }
    let (_one, waiting) = (one.process(), quorum.process());
    one.await_processed(Duration::from_secs(60)).await;
    let status = poll_until("writes at LOCAL_QUORUM are retried", Duration::from_secs(60), async || {
        let status = waiting.status().await?;
        if status["processor"]["retries"].as_u64() > Some(10) { Ok(status) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(status["processor"]["written"], 0, "{status}");
    assert_eq!(status["errors"][0]["cause"], "not_enough_replicas", "{status}");
    replicas(&quorum, 1).await;
    quorum.await_processed(Duration::from_secs(60)).await;
    for pipeline in [&one, &quorum] {
        replicas(pipeline, 1).await;
        assert_eq!(written(pipeline).await, ids(0, USERS));
    }
}
