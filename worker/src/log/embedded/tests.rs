use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use super::*;
use crate::log::{
    AppendError, AssignedPartition, Commit, CommitMetadata, Consumer, Event, Producer, Progress,
    RejectionReason, SourcePosition,
};
use crate::record::{LogRecord, Record};

fn topic_name(name: &str) -> TopicName {
    name.parse().unwrap()
}

fn group(name: &str) -> GroupId {
    name.parse().unwrap()
}

fn open(directory: &Path) -> (DataDirectory, EmbeddedLog) {
    let directory = DataDirectory::open(directory).unwrap();
    let log = EmbeddedLog::open(&directory).unwrap();
    (directory, log)
}

async fn with_topic(
    directory: &Path,
    partitions: u32,
    config: &[(&str, &str)],
) -> (DataDirectory, EmbeddedLog) {
    let (directory, log) = open(directory);
    let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let topic =
        NewTopic { name: "users".to_owned(), partitions, config, created_by: "demo/users".to_owned() };
    assert!(log.create_topic(topic).await.unwrap());
    (directory, log)
}

fn keyed(key: &str, value: &str) -> Record {
    Record::new(Vec::new(), Some(value.as_bytes()), 1_000).with_key(key.as_bytes())
}

fn unkeyed(value: &str, timestamp: i64) -> Record {
    Record::new(Vec::new(), Some(value.as_bytes()), timestamp)
}

fn member(log: &EmbeddedLog, starting: StartingOffsets) -> EmbeddedConsumer {
    log.consumer(&topic_name("users"), &group("processor"), starting)
}

fn assigned(partitions: &[i32]) -> Event {
    Event::Assigned(partitions.iter().copied().map(AssignedPartition::from).collect())
}

/// The next events, once there are some.
async fn poll(consumer: &mut EmbeddedConsumer) -> Vec<Event> {
    let mut events = Vec::new();
    consumer.poll(&mut events, 1_000).await.unwrap();
    events
}

/// Polls until `count` records have arrived, and returns them without the other events.
async fn records(consumer: &mut EmbeddedConsumer, count: usize) -> Vec<LogRecord> {
    let mut records = Vec::new();
    while records.len() < count {
        records.extend(poll(consumer).await.into_iter().filter_map(|event| match event {
            Event::Record(record) => Some(record),
            Event::Assigned(_) | Event::Revoked(_) => None,
        }));
    }
    records
}

fn values(records: &[LogRecord]) -> Vec<String> {
    let mut values: Vec<String> = records
        .iter()
        .map(|record| String::from_utf8_lossy(record.record.value().unwrap_or_default()).into_owned())
        .collect();
    values.sort();
    values
}

#[tokio::test]
async fn appended_records_are_read_back_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
    let mut with_headers = keyed("key", "value");
    with_headers.push_header("traceparent", Some(b"00-1-2-3"));
    with_headers.push_header("none", None);
    let tombstone = Record::new(Vec::new(), None, 5).with_key(b"");
    let appended = [with_headers, tombstone, unkeyed("", -1)];
    log.producer("demo/users").append("users", &appended).await.unwrap();
    let mut consumer = member(&log, StartingOffsets::Earliest);
    let read = records(&mut consumer, 3).await;
    assert_eq!(read.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 2]);
    for (read, appended) in read.iter().zip(&appended) {
        assert_eq!(read.record.value(), appended.value());
        assert_eq!(read.record.key(), appended.key());
        assert_eq!(read.record.timestamp, appended.timestamp);
        assert_eq!(read.record.headers().collect::<Vec<_>>(), appended.headers().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn keyed_records_keep_their_order_and_others_spread() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 4, &[]).await;
    let producer = log.producer("demo/users");
    for version in 0..10 {
        let batch: Vec<Record> =
            (0..20).map(|key| keyed(&format!("key-{key}"), &format!("{version:02}"))).collect();
        producer.append("users", &batch).await.unwrap();
    }
    let mut consumer = member(&log, StartingOffsets::Earliest);
    let mut by_key: BTreeMap<Vec<u8>, (BTreeSet<i32>, Vec<String>)> = BTreeMap::new();
    for record in records(&mut consumer, 200).await {
        let (partitions, seen) = by_key.entry(record.record.key().unwrap().to_vec()).or_default();
        partitions.insert(record.partition);
        seen.push(String::from_utf8(record.record.value().unwrap().to_vec()).unwrap());
    }
    for (key, (partitions, seen)) in by_key {
        assert_eq!(partitions.len(), 1, "{key:?} is in {partitions:?}");
        assert!(seen.is_sorted(), "{key:?} was read as {seen:?}");
    }
    let batch: Vec<Record> = (0..8).map(|number| unkeyed(&number.to_string(), 0)).collect();
    producer.append("users", &batch).await.unwrap();
    let spread: BTreeSet<i32> =
        records(&mut consumer, 8).await.iter().map(|record| record.partition).collect();
    assert_eq!(spread, BTreeSet::from([0, 1, 2, 3]));
}

#[tokio::test]
async fn unknown_topic_is_refused_by_producer_and_consumer() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = open(directory.path());
    let refusal = log.producer("demo/users").append("users", &[unkeyed("a", 0)]).await.unwrap_err();
    assert!(
        matches!(&refusal, AppendError::Log(LogError::Refused { cause: "unknown_topic", .. })),
        "{refusal}"
    );
    let refusal = member(&log, StartingOffsets::Earliest).poll(&mut Vec::new(), 1).await.unwrap_err();
    assert!(matches!(&refusal, LogError::Refused { cause: "unknown_topic", .. }), "{refusal}");
}

#[tokio::test]
async fn rejected_records_are_listed_and_the_others_appended() {
    let directory = tempfile::tempdir().unwrap();
    let config = [("max.message.bytes", "10"), ("cleanup.policy", "compact")];
    let (_lock, log) = with_topic(directory.path(), 1, &config).await;
    let batch = [keyed("a", "1"), keyed("a", "far too long"), unkeyed("2", 0), keyed("b", "3")];
    let AppendError::Rejected(rejections) =
        log.producer("demo/users").append("users", &batch).await.unwrap_err()
    else {
        panic!("not a rejection")
    };
    let named: Vec<_> = rejections.iter().map(|rejection| (rejection.index, rejection.reason)).collect();
    assert_eq!(named, [(1, RejectionReason::TooLarge), (2, RejectionReason::Invalid)]);
    let reader = LogReader::open(directory.path()).unwrap();
    assert_eq!(values(&reader.records("users", 0, 0, 10).unwrap()), ["1", "3"]);
}

#[tokio::test]
async fn group_resumes_at_its_committed_offset() {
    let directory = tempfile::tempdir().unwrap();
    {
        let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
        let batch: Vec<Record> = (0..5).map(|number| unkeyed(&number.to_string(), 0)).collect();
        log.producer("demo/users").append("users", &batch).await.unwrap();
        let mut consumer = member(&log, StartingOffsets::Earliest);
        records(&mut consumer, 5).await;
        consumer.store(0, Commit::up_to(2));
        consumer.commit().await.unwrap();
        consumer.store(0, Commit::up_to(4));
        // Dropped without a commit of the 4.
    }
    let (_lock, log) = open(directory.path());
    let mut consumer = member(&log, StartingOffsets::Latest);
    assert_eq!(values(&records(&mut consumer, 3).await), ["2", "3", "4"]);
    consumer.store(0, Commit::up_to(5));
    consumer.close().await.unwrap();
    assert_eq!(
        LogReader::open(directory.path()).unwrap().committed("users", "processor").unwrap(),
        [(0, 5)].into()
    );
}

#[tokio::test]
async fn commit_metadata_is_received_by_the_next_assignment() {
    let directory = tempfile::tempdir().unwrap();
    let metadata = |text: &str| CommitMetadata(text.to_owned());
    let next =
        |text: &str| [Event::Assigned(vec![AssignedPartition { partition: 0, metadata: metadata(text) }])];
    {
        let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
        let mut consumer = member(&log, StartingOffsets::Earliest);
        assert_eq!(poll(&mut consumer).await, next(""));
        consumer.store(0, Commit { offset: 0, metadata: Some(metadata("fold=0 wm=7")) });
        consumer.close().await.unwrap();
        let mut consumer = member(&log, StartingOffsets::Earliest);
        assert_eq!(poll(&mut consumer).await, next("fold=0 wm=7"));
        log.producer("demo/users").append("users", &[unkeyed("0", 0)]).await.unwrap();
        consumer.store(0, Commit::up_to(1));
        consumer.commit().await.unwrap();
    }
    let (_lock, log) = open(directory.path());
    let mut consumer = member(&log, StartingOffsets::Earliest);
    assert_eq!(poll(&mut consumer).await, next("fold=0 wm=7"), "a commit of an offset alone keeps it");
}

#[tokio::test]
async fn log_of_the_first_layout_is_migrated() {
    let directory = tempfile::tempdir().unwrap();
    drop(with_topic(directory.path(), 1, &[]).await);
    let connection = rusqlite::Connection::open(log_path(directory.path())).unwrap();
    connection
        .execute_batch(
            "ALTER TABLE group_offsets DROP COLUMN metadata;
             INSERT INTO group_offsets VALUES ('processor', 1, 0, 0);
             PRAGMA user_version = 1",
        )
        .unwrap();
    drop(connection);
    let committed = LogReader::open(directory.path()).unwrap().committed("users", "processor").unwrap();
    assert_eq!(committed, [(0, 0)].into(), "a reader migrates nothing");
    let (_lock, log) = open(directory.path());
    let mut consumer = member(&log, StartingOffsets::Latest);
    assert_eq!(poll(&mut consumer).await, [assigned(&[0])]);
    consumer.store(0, Commit { offset: 0, metadata: Some(CommitMetadata("fold=0".to_owned())) });
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn first_start_reads_from_the_starting_offsets() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
    let batch: Vec<Record> = (0..4).map(|second| unkeyed(&second.to_string(), second * 1_000)).collect();
    let producer = log.producer("demo/users");
    producer.append("users", &batch).await.unwrap();
    let time = "1970-01-01T00:00:01.500Z".parse().unwrap();
    for (starting, first) in [(StartingOffsets::Earliest, 0), (time, 2), (StartingOffsets::Latest, 4)] {
        let mut consumer = log.consumer(&topic_name("users"), &group(&starting.to_string()), starting);
        assert_eq!(poll(&mut consumer).await, [assigned(&[0])]);
        let progress =
            Progress { partition: 0, position: first, committed: Some(first), high_watermark: Some(4) };
        assert_eq!(consumer.progress(), [progress], "{starting}");
    }
    // The end at the first start stays the beginning, though nothing was ever stored.
    producer.append("users", &[unkeyed("4", 4_000)]).await.unwrap();
    let mut consumer = log.consumer(&topic_name("users"), &group("Latest"), StartingOffsets::Latest);
    assert_eq!(values(&records(&mut consumer, 1).await), ["4"]);
}

#[tokio::test]
async fn rebalance_commits_stored_offsets_of_moved_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 2, &[]).await;
    let batch: Vec<Record> = (0..20).map(|number| unkeyed(&format!("{number:02}"), 0)).collect();
    log.producer("demo/users").append("users", &batch).await.unwrap();
    let mut first = member(&log, StartingOffsets::Earliest);
    assert_eq!(poll(&mut first).await, [assigned(&[0, 1])]);
    records(&mut first, 20).await;
    first.store(0, Commit::up_to(10));
    first.store(1, Commit::up_to(3));
    let mut second = member(&log, StartingOffsets::Earliest);
    // Nothing is taken from the first member before it lets go.
    assert!(futures::poll!(std::pin::pin!(second.poll(&mut Vec::new(), 10))).is_pending());
    assert_eq!(poll(&mut first).await, [Event::Revoked(vec![1])]);
    first.store(1, Commit::up_to(9));
    first.commit().await.unwrap();
    assert_eq!(poll(&mut second).await, [assigned(&[1])]);
    let taken_over = records(&mut second, 7).await;
    assert_eq!(taken_over.iter().map(|record| record.offset).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9]);
    drop(second);
    assert_eq!(poll(&mut first).await, [assigned(&[1])]);
    assert_eq!(records(&mut first, 7).await.len(), 7);
    assert_eq!(first.progress().iter().map(Progress::lag).collect::<Vec<_>>(), [Some(0), Some(7)]);
}

/// Remembers that it was woken.
#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn append_wakes_a_waiting_consumer() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
    let mut consumer = member(&log, StartingOffsets::Earliest);
    assert_eq!(poll(&mut consumer).await, [assigned(&[0])]);
    let mut events = Vec::new();
    let alarm = Arc::new(Alarm::default());
    {
        let mut waiting = std::pin::pin!(consumer.poll(&mut events, 10));
        let waker = Waker::from(Arc::clone(&alarm));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(!alarm.0.load(Ordering::SeqCst));
        log.producer("demo/users").append("users", &[unkeyed("a", 0)]).await.unwrap();
        assert!(alarm.0.load(Ordering::SeqCst), "not woken when the append was acknowledged");
        waiting.await.unwrap();
    }
    assert!(matches!(events.as_slice(), [Event::Record(_)]), "{events:?}");
}

#[tokio::test]
async fn paused_consumer_receives_assignments_but_no_records() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 2, &[]).await;
    log.producer("demo/users").append("users", &[unkeyed("a", 0), unkeyed("b", 0)]).await.unwrap();
    let mut consumer = member(&log, StartingOffsets::Earliest);
    consumer.pause().unwrap();
    assert_eq!(poll(&mut consumer).await, [assigned(&[0, 1])]);
    let second = member(&log, StartingOffsets::Earliest);
    assert_eq!(poll(&mut consumer).await, [Event::Revoked(vec![1])]);
    drop(second);
    assert_eq!(poll(&mut consumer).await, [assigned(&[1])]);
    consumer.resume().unwrap();
    assert_eq!(values(&records(&mut consumer, 2).await), ["a", "b"]);
}

#[tokio::test]
async fn dropped_poll_has_taken_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
    let batch: Vec<Record> = (0..50).map(|number| unkeyed(&format!("{number:02}"), 0)).collect();
    log.producer("demo/users").append("users", &batch).await.unwrap();
    let mut consumer = member(&log, StartingOffsets::Earliest);
    let mut events = Vec::new();
    let mut dropped = 0;
    while events.len() < 51 {
        let mut polling = Box::pin(consumer.poll(&mut events, 7));
        // Dropped at its first wait, every other time.
        if futures::poll!(polling.as_mut()).is_pending() {
            dropped += 1;
            if dropped % 2 == 0 {
                polling.await.unwrap();
            }
        }
    }
    let offsets: Vec<i64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Record(record) => Some(record.offset),
            Event::Assigned(_) | Event::Revoked(_) => None,
        })
        .collect();
    assert_eq!(offsets, (0..50).collect::<Vec<i64>>());
}

#[tokio::test]
async fn poll_returns_at_most_max_events() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 3, &[]).await;
    let batch: Vec<Record> = (0..30).map(|number| unkeyed(&number.to_string(), 0)).collect();
    log.producer("demo/users").append("users", &batch).await.unwrap();
    let mut consumer = member(&log, StartingOffsets::Earliest);
    let mut events = Vec::new();
    while events.len() < 31 {
        let before = events.len();
        consumer.poll(&mut events, 4).await.unwrap();
        assert!((1..=4).contains(&(events.len() - before)), "{}", events.len() - before);
    }
}

#[tokio::test]
async fn added_partitions_are_assigned() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
    let mut consumer = member(&log, StartingOffsets::Earliest);
    assert_eq!(poll(&mut consumer).await, [assigned(&[0])]);
    assert_eq!(consumer.partitions(), Some(1));
    assert!(log.grow_topic("users", 3).await.unwrap());
    assert!(!log.grow_topic("users", 2).await.unwrap(), "a topic never shrinks");
    assert_eq!(poll(&mut consumer).await, [assigned(&[1, 2])]);
    assert_eq!(consumer.partitions(), Some(3));
    assert_eq!(log.topic("users").await.unwrap().unwrap().partitions, 3);
}

#[tokio::test]
async fn topics_are_created_configured_and_deleted_by_id() {
    let directory = tempfile::tempdir().unwrap();
    let (_lock, log) = with_topic(directory.path(), 2, &[("retention.ms", "1000")]).await;
    let again = NewTopic {
        name: "users".to_owned(),
        partitions: 9,
        config: BTreeMap::new(),
        created_by: "demo/others".to_owned(),
    };
    assert!(!log.create_topic(again.clone()).await.unwrap());
    let settings = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    assert!(log.configure_topic("users", settings).await.unwrap());
    let topic = log.topic("users").await.unwrap().unwrap();
    assert_eq!((topic.partitions, topic.created_by.as_deref()), (2, Some("demo/users")));
    assert_eq!(topic.config.keys().collect::<Vec<_>>(), ["cleanup.policy", "retention.ms"]);
    log.producer("demo/users").append("users", &[keyed("a", "1")]).await.unwrap();
    assert!(!log.delete_topic("users", "another id").await.unwrap());
    assert!(log.delete_topic("users", &topic.id).await.unwrap());
    assert_eq!(log.topic("users").await.unwrap(), None);
    assert!(log.create_topic(again).await.unwrap());
    let created_again = log.topic("users").await.unwrap().unwrap();
    assert_ne!(created_again.id, topic.id);
    assert_eq!(LogReader::open(directory.path()).unwrap().end_offsets("users").unwrap(), [0; 9]);
}

#[tokio::test]
async fn each_pipeline_has_its_source_position() {
    let directory = tempfile::tempdir().unwrap();
    {
        let (_lock, log) = open(directory.path());
        let producer = log.producer("demo/users");
        assert_eq!(producer.load_position().await.unwrap(), None);
        producer.save_position(&SourcePosition("{\"page\":1}".to_owned())).await.unwrap();
        producer.save_position(&SourcePosition("{\"page\":2}".to_owned())).await.unwrap();
    }
    let (_lock, log) = open(directory.path());
    let saved = log.producer("demo/users").load_position().await.unwrap();
    assert_eq!(saved, Some(SourcePosition("{\"page\":2}".to_owned())));
    assert_eq!(log.producer("demo/others").load_position().await.unwrap(), None);
}

#[test]
fn log_of_a_later_version_is_refused_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = log_path(directory.path());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let lock = DataDirectory::open(directory.path()).unwrap();
    let refusal = EmbeddedLog::open(&lock).unwrap_err();
    assert_eq!(refusal.cause(), "later_version", "{refusal}");
    assert!(matches!(LogReader::open(directory.path()), Err(LogReaderError::Unreadable(_))));
}

#[tokio::test]
async fn reader_sees_a_log_that_is_being_written() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(LogReader::open(directory.path()), Err(LogReaderError::Missing(_))));
    let (_lock, log) = with_topic(directory.path(), 1, &[]).await;
    let reader = LogReader::open(directory.path()).unwrap();
    assert_eq!(reader.topics().unwrap(), ["users"]);
    assert_eq!(reader.end_offsets("users").unwrap(), [0]);
    log.producer("demo/users").append("users", &[unkeyed("a", 0), unkeyed("b", 0)]).await.unwrap();
    assert_eq!(reader.end_offsets("users").unwrap(), [2]);
    assert_eq!(values(&reader.records("users", 0, 1, 10).unwrap()), ["b"]);
    assert!(matches!(reader.records("other", 0, 0, 1), Err(LogReaderError::UnknownTopic(_))));
}
