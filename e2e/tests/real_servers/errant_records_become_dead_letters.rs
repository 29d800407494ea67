//! A record that cannot become a row goes unchanged to the dead-letter topic, and blocks no other record.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::record::{NewRecord, TopicRecord};
use userstream_e2e::rig::Rig;
use userstream_e2e::source::{Reply, Source};
use userstream_e2e::users;

const USERS: usize = 5_000;
/// One record in this many is errant.
const RARITY: usize = 50;
/// How far the timestamp of a record from the future is ahead of the clock, in milliseconds.
const AHEAD: i64 = 2 * 60 * 60 * 1000;

/// A user with the value at a JSON pointer replaced.
fn corrupted(number: usize, pointer: &str, value: Value) -> Option<Vec<u8>> {
    let mut user = users::user(number, 0);
    *user.pointer_mut(pointer).expect("the user has the value") = value;
    Some(user.to_string().into_bytes())
}

/// Every kind of errant record: a description, and its value.
fn errant_values(number: usize) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let whole = users::user(number, 0).to_string();
    let cut = whole.len() / 2;
    vec![
        ("a tombstone", None),
        ("no bytes", Some(Vec::new())),
        ("a truncated record", Some(whole.as_bytes()[..cut].to_vec())),
        ("two records in one", Some(format!("{whole}{whole}").into_bytes())),
        ("not JSON", Some(b"\x00\x01\x02 not json \xfe\xff".to_vec())),
        ("a string instead of an object", Some(b"\"user\"".to_vec())),
        ("ten thousand nested arrays", Some([b"[".repeat(10_000), b"]".repeat(10_000)].concat())),
        ("no key", corrupted(number, "/login", json!({}))),
        ("a null key", corrupted(number, "/login/uuid", json!(null))),
        ("a key that is no UUID", corrupted(number, "/login/uuid", json!("9313706e"))),
        ("a key of another type", corrupted(number, "/login/uuid", json!(7))),
        ("an int beyond 32 bits", corrupted(number, "/dob/age", json!(3_000_000_000_u64))),
        ("an int with a fraction", corrupted(number, "/dob/age", json!(1.5))),
        ("a malformed date", corrupted(number, "/dob/date", json!("yesterday"))),
        ("an object instead of a string", corrupted(number, "/location/city", json!({"name": "Arklow"}))),
    ]
}

/// One errant record for every [`RARITY`] users, cycling through the kinds, with its description.
fn errant_records(start: i64) -> Vec<(&'static str, NewRecord)> {
    let record = |number: usize| {
        let (values, user) = (errant_values(USERS + number), USERS + number);
        let (kind, value, timestamp) = match values.get(number % (values.len() + 1)) {
            Some((kind, value)) => (*kind, value.clone(), start),
            None => {
                let now = jiff::Timestamp::now().as_millisecond();
                (
                    "a timestamp in the future",
                    Some(users::user(user, 0).to_string().into_bytes()),
                    now + AHEAD,
                )
            }
        };
        (kind, NewRecord { key: Some(format!("errant {number}").into_bytes()), value, timestamp })
    };
    (0..USERS / RARITY).map(record).collect()
}

fn is_errant(record: &TopicRecord) -> bool {
    record.key.as_deref().is_some_and(|key| key.starts_with(b"errant"))
}

/// The dead letters by the partition and the offset of their records.
fn by_origin(letters: &[TopicRecord]) -> BTreeMap<(i32, i64), &TopicRecord> {
    let mut origins = BTreeMap::new();
    for letter in letters {
        let partition =
            letter.header("__connect.errors.partition").parse().expect("the partition is a number");
        let offset = letter.header("__connect.errors.offset").parse().expect("the offset is a number");
        let former = origins.insert((partition, offset), letter);
        assert!(former.is_none(), "{partition}:{offset} has two dead letters");
    }
    origins
}

fn assert_dead_letter_of(letter: &TopicRecord, original: &TopicRecord, topic: &str, kind: &str) {
    assert_eq!((&letter.key, &letter.value), (&original.key, &original.value), "{kind}");
    assert_eq!(letter.header("__connect.errors.topic"), topic, "{kind}");
    for header in ["connector.name", "stage", "exception.class.name", "exception.message"] {
        assert_ne!(letter.header(&format!("__connect.errors.{header}")), "", "{kind}: {header}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errant_record_keeps_its_bytes_and_offset_in_the_dead_letter() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "errant").await;
    // By default the broker refuses records from the future; the worker must refuse them too.
    pipeline.spec["kafka"]["topic"]["config"] =
        json!({"message.timestamp.after.max.ms": "9223372036854775807"});
    pipeline.provision().await;

    let mut records = users::records(0, USERS, 1);
    let errant = errant_records(records[0].timestamp);
    for (number, (_, record)) in errant.iter().enumerate() {
        records.insert(number * (RARITY + 1), record.clone());
    }
    pipeline.kafka.append(&pipeline.name, &records).await;
    let mut processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(300)).await;

    let comparison = pipeline
        .compare_table(|record| if is_errant(record) { None } else { users::parsed_row(record) })
        .await;
    comparison.assert_exact();
    assert_eq!(comparison.rows, USERS);

    let letters = pipeline.kafka.records(&pipeline.dead_letter_topic()).await;
    let mut unmatched = by_origin(&letters);
    for original in pipeline.kafka.records(&pipeline.name).await.iter().filter(|record| is_errant(record)) {
        let kind = errant.iter().find(|(_, record)| record.key == original.key).map(|(kind, _)| *kind);
        let kind = kind.expect("the test appended the record");
        let letter = unmatched
            .remove(&(original.partition, original.offset))
            .unwrap_or_else(|| panic!("no dead letter: {kind}"));
        assert_dead_letter_of(letter, original, &pipeline.name, kind);
    }
    assert!(unmatched.is_empty(), "dead letters of valid records: {unmatched:?}");
    assert_eq!(letters.len(), USERS / RARITY);

    let status = processor.status().await.expect("the processor answers");
    assert_eq!(status["processor"]["deadLettered"], USERS / RARITY, "{status}");
    assert!(processor.is_running());
    let leaked = processor.log().lines().find(|line| line.contains("@example.com")).map(str::to_owned);
    assert_eq!(leaked, None, "a user's data is in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_dead_letter_topic_blocks_commits_past_the_record() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "errant_waits").await;
    pipeline.spec["kafka"]["topic"]["partitions"] = json!(1);
    pipeline.provision().await;
    pipeline.kafka.delete_topic(&pipeline.dead_letter_topic()).await;
    let mut records = users::records(0, 100, 1);
    records.insert(60, NewRecord { value: Some(b"{".to_vec()), ..records[60].clone() });
    pipeline.kafka.append(&pipeline.name, &records).await;

    let mut processor = pipeline.process();
    poll_until("the rows around the errant record are written", Duration::from_secs(60), async || {
        match pipeline.rows().await.len() {
            100 => Ok(()),
            rows => Err(format!("{rows} rows")),
        }
    })
    .await;
    poll_until("the offset of the errant record is committed", Duration::from_secs(30), async || {
        let committed = pipeline.kafka.committed(&pipeline.name, &pipeline.name).await?;
        if committed.get(&0) == Some(&60) { Ok(()) } else { Err(format!("{committed:?}")) }
    })
    .await;
    assert!(processor.is_running(), "the processor waits for the dead-letter topic");

    pipeline.kafka.create_topic(&pipeline.dead_letter_topic(), 1).await;
    pipeline.await_processed(Duration::from_secs(60)).await;
    assert_eq!(pipeline.kafka.records(&pipeline.dead_letter_topic()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_policy_ends_the_processor_before_committing_the_record() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "errant_fail").await;
    pipeline.spec["kafka"]["topic"]["partitions"] = json!(1);
    pipeline.spec["delivery"] = json!({"onError": "Fail"});
    pipeline.provision().await;
    let mut records = users::records(0, 100, 1);
    records.insert(60, NewRecord { value: Some(b"{".to_vec()), ..records[60].clone() });
    pipeline.kafka.append(&pipeline.name, &records).await;

    for start in ["first", "second"] {
        let code = pipeline.process().exit(Duration::from_secs(60)).await;
        assert_eq!(code, 65, "the {start} start ends at the errant record");
        let committed =
            pipeline.kafka.committed(&pipeline.name, &pipeline.name).await.expect("the broker answers");
        assert!(
            committed.get(&0).is_none_or(|offset| *offset <= 60),
            "{committed:?} is past the errant record"
        );
    }
    let message = pipeline.termination_message("processor");
    assert_eq!(message["outcome"], "DataPolicy", "{message}");
    let rows = pipeline.rows().await;
    let written: Vec<_> = rows.iter().map(|(id, _)| id.as_str()).collect();
    let before = (0..60).filter(|number| !written.contains(&users::id(*number).to_string().as_str())).count();
    assert_eq!(before, 0, "rows before the errant record are missing: the table has {}", rows.len());
}

/// The producer skips what it cannot map, and the processor what it cannot decode.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skip_policy_counts_errant_records_and_skips_them() {
    let rig = Rig::shared().await;
    let source = Source::start(|_, _| {
        let mut users: Vec<_> = (0..100).map(|number| users::user(number, 0)).collect();
        users[60]["login"]["uuid"] = json!("no UUID");
        Reply::Json(json!(users).to_string())
    })
    .await;
    let mut pipeline = Pipeline::without_source(&rig, "errant_skip").await;
    pipeline.spec["source"] = json!({
        "mode": "Scheduled", "schedule": {"cron": "@yearly"}, "http": {"url": format!("{}/api", source.url)},
    });
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.spec["delivery"] = json!({"onError": "Skip", "guarantee": "AtLeastOnce"});
    pipeline.provision().await;
    let broken = NewRecord { value: Some(b"{".to_vec()), ..users::records(0, 1, 1).remove(0) };
    pipeline.kafka.append(&pipeline.name, &[broken]).await;
    assert_eq!(pipeline.run("produce").await, 0, "a record that does not map fails no run");

    let processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    assert_eq!(pipeline.rows().await.len(), 99);
    let counted = processor.status().await.expect("the processor answers")["processor"].clone();
    assert_eq!((&counted["skipped"], &counted["written"]), (&json!(1), &json!(99)), "{counted}");
    let letters = pipeline.kafka.watermarks(&pipeline.dead_letter_topic()).await;
    assert!(letters.is_empty(), "with `Skip` there is no dead-letter topic: {letters:?}");
}
