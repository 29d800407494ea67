//! No dead letter is lost: the topic takes what the pipeline accepts, and one that refuses a letter gets it truncated.

use serde_json::json;
use std::time::Duration;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::record::{NewRecord, TopicRecord};
use userstream_e2e::rig::Rig;
use userstream_e2e::source::{Reply, Source};
use userstream_e2e::users;

const USERS: usize = 100;

/// Text that no codec makes smaller than half: brokers compare the compressed size with the limit.
fn incompressible(size: usize) -> String {
    let mut state = 1_u64;
    let hexadecimal = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 60) as u32, 16).expect("four bits are a digit")
    });
    hexadecimal.take(size).collect()
}

/// Users, and between them a record of this size that does not decode.
fn with_an_errant_record(size: usize) -> Vec<NewRecord> {
    let mut records = users::records(0, USERS, 1);
    let errant = NewRecord { value: Some(incompressible(size).into_bytes()), ..records[60].clone() };
    records.insert(60, errant);
    records
}

fn size_of_value(letter: &TopicRecord) -> usize {
    letter.value.as_ref().map_or(0, Vec::len)
}

fn assert_truncated(letter: &TopicRecord, size: usize) {
    assert!((1..size).contains(&size_of_value(letter)), "{} bytes", size_of_value(letter));
    assert_eq!(letter.header("__connect.errors.value.truncated"), "true");
    assert_eq!(letter.header("__connect.errors.value.size"), size.to_string());
    assert_eq!(letter.header("__connect.errors.value.sha256").len(), 64);
    assert_ne!(letter.header("__connect.errors.exception.message"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_of_a_large_record_is_whole_and_kept_for_ever() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "dlq_large").await;
    pipeline.spec["kafka"]["topic"]["config"] = json!({"max.message.bytes": "4000000"});
    pipeline.provision().await;
    let topic = pipeline.dead_letter_topic();
    let described = rig.kafka_tool(&["TopicCommand", "--describe", "--topic", &topic]).await;
    for setting in ["retention.ms=-1", "max.message.bytes=17825792"] {
        assert!(described.contains(setting), "{described}");
    }

    let size = 3_000_000;
    pipeline.kafka.append(&pipeline.name, &with_an_errant_record(size)).await;
    let processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    let letters = pipeline.kafka.records(&topic).await;
    assert_eq!(letters.iter().map(size_of_value).collect::<Vec<_>>(), [size]);
    assert_eq!(pipeline.rows().await.len(), USERS);
    assert_eq!(processor.status().await.expect("it answers")["truncatedDeadLetters"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declared_settings_of_the_dead_letter_topic_are_kept() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "dlq_settings").await;
    pipeline.spec["delivery"] =
        json!({"deadLetter": {"config": {"retention.ms": "86400000", "max.message.bytes": "50000"}}});
    pipeline.provision().await;
    let topic = pipeline.dead_letter_topic();
    let described = rig.kafka_tool(&["TopicCommand", "--describe", "--topic", &topic]).await;
    for setting in ["retention.ms=86400000", "max.message.bytes=50000"] {
        assert!(described.contains(setting), "{described}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_over_the_topics_limit_is_truncated() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "dlq_small").await;
    pipeline.spec["delivery"] = json!({"deadLetter": {"config": {"max.message.bytes": "20000"}}});
    pipeline.provision().await;
    let size = 200_000;
    pipeline.kafka.append(&pipeline.name, &with_an_errant_record(size)).await;
    let processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;

    let letters = pipeline.kafka.records(&pipeline.dead_letter_topic()).await;
    assert_eq!(letters.len(), 1);
    assert_truncated(&letters[0], size);
    assert_eq!(letters[0].key, Some(users::id(60).to_string().into_bytes()));
    assert_eq!(pipeline.rows().await.len(), USERS);
    let status = processor.status().await.expect("it answers");
    assert_eq!(
        (&status["truncatedDeadLetters"], &status["refusedDeadLetters"]),
        (&json!(1), &json!(0)),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producer_truncates_a_dead_letter_over_the_topics_limit() {
    let rig = Rig::shared().await;
    let source = Source::start(|_, _| {
        let mut users: Vec<_> = (0..USERS).map(|number| users::user(number, 0)).collect();
        users[60]["login"]["uuid"] = json!(incompressible(200_000));
        Reply::Json(json!(users).to_string())
    })
    .await;
    let mut pipeline = Pipeline::without_source(&rig, "dlq_producer").await;
    pipeline.spec["source"] = json!({
        "mode": "Scheduled", "schedule": {"cron": "@yearly"}, "http": {"url": format!("{}/api", source.url)},
    });
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.spec["delivery"] = json!({"deadLetter": {"config": {"max.message.bytes": "20000"}}});
    pipeline.provision().await;
    assert_eq!(pipeline.run("produce").await, 0);
    assert_eq!(pipeline.kafka.count(&pipeline.name).await, i64::try_from(USERS - 1).expect("it is small"));
    let letters = pipeline.kafka.records(&pipeline.dead_letter_topic()).await;
    assert_eq!(letters.len(), 1);
    let size = letters[0].header("__connect.errors.value.size").parse().expect("it is a number");
    assert!(size > 200_000);
    assert_truncated(&letters[0], size);
}

/// The table rejects keys of more than 65,535 bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_that_the_table_rejects_becomes_a_dead_letter() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "dlq_put").await;
    let fields = pipeline.spec["schema"]["fields"].as_array_mut().expect("fields are a list");
    let username = fields.iter_mut().find(|field| field["name"] == "username").expect("there is one");
    username["required"] = json!(true);
    pipeline.spec["sink"]["cassandra"]["table"]["partitionKey"] = json!(["username"]);
    pipeline.provision().await;
    let mut user = users::user(USERS, 0);
    user["login"]["username"] = json!("x".repeat(70_000));
    let mut records: Vec<NewRecord> = users::records(0, USERS, 1);
    for (number, record) in records.iter_mut().enumerate() {
        let mut user = users::user(number, 0);
        user["login"]["username"] = json!(format!("user {number}"));
        record.value = Some(user.to_string().into_bytes());
    }
    let value = user.to_string().into_bytes();
    records.insert(60, NewRecord { value: Some(value.clone()), ..records[60].clone() });
    pipeline.kafka.append(&pipeline.name, &records).await;
    let processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;

    assert_eq!(pipeline.cassandra.count(&pipeline.name, "users").await, USERS);
    let letters = pipeline.kafka.records(&pipeline.dead_letter_topic()).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value, Some(value));
    assert_eq!(letters[0].header("__connect.errors.stage"), "TASK_PUT");
    assert_eq!(processor.status().await.expect("it answers")["processor"]["deadLettered"], 1);
}
