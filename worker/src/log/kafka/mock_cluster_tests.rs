//! The Kafka adapters against librdkafka's mock brokers: the real protocol without a server. The tests with real
//! servers cover the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio::time::timeout;
use userstream_crds::model::Pipeline;
use userstream_crds::worker_config::WorkerConfig;

use super::{Assignor, KafkaConsumer, KafkaProducer};
use crate::log::{AssignedPartition, Commit, CommitMetadata, Consumer, Event, Producer, SourcePosition};
use crate::record::{LogRecord, Record};

const TOPIC: &str = "users";
const PARTITIONS: i32 = 3;
/// The mock brokers let a new group wait three seconds for further members.
const PATIENCE: Duration = Duration::from_secs(30);

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
    cluster.create_topic("users.positions", 1, 1).unwrap();
    cluster
}

fn pipeline(cluster: &MockCluster<'_, DefaultProducerContext>, starting_offsets: &str) -> Pipeline {
    let config = serde_json::json!({
        "version": 1,
        "pipeline": {"namespace": "demo", "name": "users"},
        "spec": {
            "source": {"http": {"url": "http://source/", "interval": "1s", "pagination": {"type": "Cursor", "parameter": "cursor", "path": "next"}}},
            "schema": {"fields": [{"name": "id", "type": "uuid", "required": true}]},
            "kafka": {"bootstrapServers": cluster.bootstrap_servers(), "topic": {"name": TOPIC, "partitions": PARTITIONS}},
            "processor": {"startingOffsets": starting_offsets},
            "sink": {"cassandra": {
                "contactPoints": ["table:9042"],
                "keyspace": {"name": "demo"},
                "table": {"name": "users", "partitionKey": ["id"]},
            }},
        },
    });
    WorkerConfig::parse(&config.to_string()).unwrap().1
}

fn producer(pipeline: &Pipeline) -> KafkaProducer {
    KafkaProducer::open(pipeline, Path::new("/nonexistent")).unwrap()
}

fn consumer(pipeline: &Pipeline) -> KafkaConsumer {
    KafkaConsumer::join(pipeline, Path::new("/nonexistent"), Assignor::Range).unwrap()
}

fn record(number: usize) -> Record {
    let value = format!("{{\"number\":{number}}}");
    Record::new(Vec::new(), Some(value.as_bytes()), 1_700_000_000_000 + number as i64)
        .with_key(format!("key {}", number % 17).as_bytes())
}

/// Polls until this many records have arrived, and returns them with all other events.
async fn read(consumer: &mut KafkaConsumer, records: usize) -> (Vec<LogRecord>, Vec<Event>) {
    let (mut read, mut others, mut events) = (Vec::new(), Vec::new(), Vec::new());
    while read.len() < records {
        let polled = timeout(PATIENCE, consumer.poll(&mut events, records - read.len())).await;
        let polled =
            polled.unwrap_or_else(|_| panic!("{} of {records} records arrived, and {others:?}", read.len()));
        polled.unwrap_or_else(|error| panic!("after {} of {records} records: {error}", read.len()));
        for event in events.drain(..) {
            match event {
                Event::Record(record) => read.push(record),
                other => others.push(other),
            }
        }
    }
    (read, others)
}

/// Polls until an assignment or a revocation, and returns it.
async fn next_rebalance(consumer: &mut KafkaConsumer) -> Event {
    let mut events = Vec::new();
    loop {
        timeout(PATIENCE, consumer.poll(&mut events, 100)).await.expect("no rebalance").unwrap();
        if let Some(event) = events.drain(..).find(|event| !matches!(event, Event::Record(_))) {
            return event;
        }
    }
}

/// Polls the members of a group round-robin until one of them has events.
async fn next_events(members: &mut [&mut KafkaConsumer]) -> Vec<Event> {
    let mut events = Vec::new();
    let polling = async {
        while events.is_empty() {
            for member in &mut *members {
                // A dropped poll loses nothing.
                if let Ok(polled) = timeout(Duration::from_millis(5), member.poll(&mut events, 100)).await {
                    polled.unwrap();
                }
            }
        }
    };
    timeout(PATIENCE, polling).await.expect("no member of the group has an event");
    events
}

fn assigned(partitions: impl IntoIterator<Item = i32>) -> Event {
    Event::Assigned(partitions.into_iter().map(AssignedPartition::from).collect())
}

fn ends(records: &[LogRecord]) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for record in records {
        let end = ends.entry(record.partition).or_insert(0);
        *end = record.offset + 1;
    }
    ends
}

#[tokio::test]
async fn records_are_read_unchanged_and_in_order() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let mut appended: Vec<Record> = (0..500).map(record).collect();
    appended[7] = Record::new(Vec::new(), None, 5).with_key(b"a tombstone");
    appended[8].push_header("ce_id", Some(b"8"));
    appended[8].push_header("empty", Some(b""));
    appended[8].push_header("none", None);
    producer(&pipeline).append(TOPIC, &appended).await.unwrap();

    let mut consumer = consumer(&pipeline);
    let (read, others) = read(&mut consumer, 500).await;
    assert_eq!(others, [assigned(0..PARTITIONS)]);
    let mut next = BTreeMap::new();
    for record in &read {
        let expected = next.entry(record.partition).or_insert(0);
        assert_eq!(record.offset, *expected, "partition {}", record.partition);
        *expected += 1;
    }
    for key in appended.iter().map(|record| record.key()).collect::<BTreeSet<_>>() {
        let of_key = |record: &&Record| record.key() == key;
        let before: Vec<&Record> = appended.iter().filter(of_key).collect();
        let after: Vec<&Record> = read.iter().map(|read| &read.record).filter(of_key).collect();
        assert_eq!(after, before, "the records of {:?}", key.map(String::from_utf8_lossy));
    }
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn reading_resumes_at_the_committed_offset() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    producer.append(TOPIC, &(0..100).map(record).collect::<Vec<_>>()).await.unwrap();

    let mut first = consumer(&pipeline);
    let (records, _) = read(&mut first, 100).await;
    for (partition, end) in ends(&records) {
        first.store(partition, Commit::up_to(end - 1));
    }
    first.commit().await.unwrap();
    assert!(
        first.progress().iter().all(|progress| progress.committed.is_some_and(|committed| committed > 0))
    );
    // Closing commits what is stored.
    for (partition, end) in ends(&records) {
        first.store(partition, Commit::up_to(end));
    }
    first.close().await.unwrap();

    producer.append(TOPIC, &(100..130).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut second = consumer(&pipeline);
    let (again, _) = read(&mut second, 30).await;
    let values: BTreeSet<_> = again.iter().map(|read| read.record.value().unwrap().to_vec()).collect();
    let expected: BTreeSet<_> = (100..130).map(|number| record(number).value().unwrap().to_vec()).collect();
    assert_eq!(values, expected);
}

#[tokio::test]
async fn latest_means_the_end_at_the_first_start() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Latest");
    let producer = producer(&pipeline);
    producer.append(TOPIC, &(0..50).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut first = consumer(&pipeline);
    assert_eq!(next_rebalance(&mut first).await, assigned(0..PARTITIONS));
    // It ends before its first commit of a record.
    first.close().await.unwrap();

    producer.append(TOPIC, &(50..60).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut second = consumer(&pipeline);
    let (records, _) = read(&mut second, 10).await;
    let values: BTreeSet<_> = records.iter().map(|read| read.record.value().unwrap().to_vec()).collect();
    let expected: BTreeSet<_> = (50..60).map(|number| record(number).value().unwrap().to_vec()).collect();
    assert_eq!(values, expected);
}

#[tokio::test]
async fn offset_out_of_range_is_a_permanent_error() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    producer(&pipeline).append(TOPIC, &(0..30).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut first = consumer(&pipeline);
    next_rebalance(&mut first).await;
    first.store(0, Commit::up_to(1_000_000));
    first.close().await.unwrap();

    let mut second = consumer(&pipeline);
    let mut events = Vec::new();
    let error = loop {
        if let Err(error) = timeout(PATIENCE, second.poll(&mut events, 100)).await.expect("no error") {
            break error;
        }
    };
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(error.cause(), "offset_out_of_range");
    let again = timeout(PATIENCE, second.poll(&mut events, 100)).await.unwrap().unwrap_err();
    assert_eq!(again.cause(), "offset_out_of_range");
}

#[tokio::test]
async fn commit_metadata_survives_commits_of_an_offset_alone() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Latest");
    let mut first = consumer(&pipeline);
    assert_eq!(next_rebalance(&mut first).await, assigned(0..PARTITIONS));
    producer(&pipeline).append(TOPIC, &(0..100).map(record).collect::<Vec<_>>()).await.unwrap();
    let (records, _) = read(&mut first, 100).await;
    let metadata = |partition: i32| CommitMetadata(format!("fold={partition} wm=7"));
    for (partition, end) in ends(&records) {
        first.store(partition, Commit { offset: end - 1, metadata: Some(metadata(partition)) });
    }
    first.commit().await.unwrap();
    for (partition, end) in ends(&records) {
        first.store(partition, Commit::up_to(end));
    }
    first.close().await.unwrap();

    let mut second = consumer(&pipeline);
    let expected =
        (0..PARTITIONS).map(|partition| AssignedPartition { partition, metadata: metadata(partition) });
    assert_eq!(next_rebalance(&mut second).await, Event::Assigned(expected.collect()));
}

#[tokio::test]
async fn second_member_resumes_at_the_committed_offset() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    producer.append(TOPIC, &(0..200).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut first = consumer(&pipeline);
    let (records, _) = read(&mut first, 200).await;
    for (partition, end) in ends(&records) {
        first.store(partition, Commit::up_to(end));
    }
    // The mock brokers refuse commits during a rebalance. Real ones accept them.
    first.commit().await.unwrap();
    let mut second = consumer(&pipeline);
    let both = async { (next_rebalance(&mut first).await, next_rebalance(&mut first).await) };
    let ((revoked, assigned), taken) = tokio::join!(both, next_rebalance(&mut second));
    assert_eq!(revoked, Event::Revoked((0..PARTITIONS).collect()));
    let (Event::Assigned(mut all), Event::Assigned(others)) = (assigned, taken) else {
        panic!("not assigned")
    };
    all.extend(others);
    let mut all: Vec<i32> = all.iter().map(|assigned| assigned.partition).collect();
    all.sort_unstable();
    // On a busy machine the two may report different rebalances, and list a partition twice.
    all.dedup();
    assert_eq!(all, (0..PARTITIONS).collect::<Vec<_>>());

    producer.append(TOPIC, &(200..260).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut values = BTreeSet::new();
    while values.len() < 60 {
        let events = next_events(&mut [&mut first, &mut second]).await;
        values.extend(events.into_iter().filter_map(|event| match event {
            Event::Record(read) => Some(read.record.value().unwrap().to_vec()),
            _ => None,
        }));
    }
    let expected: BTreeSet<_> = (200..260).map(|number| record(number).value().unwrap().to_vec()).collect();
    assert_eq!(values, expected, "committed records are read again");
}

#[tokio::test]
async fn lagging_consumer_does_not_delay_a_rebalance() {
    const RECORDS: usize = 3_000;
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    producer(&pipeline).append(TOPIC, &(0..RECORDS).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut first = consumer(&pipeline);
    let mut seen: BTreeSet<_> =
        read(&mut first, 1).await.0.iter().map(|it| (it.partition, it.offset)).collect();
    let mut second = consumer(&pipeline);
    let slowly = async {
        let (mut events, mut ticks) = (Vec::new(), tokio::time::interval(Duration::from_millis(100)));
        loop {
            ticks.tick().await;
            first.poll(&mut events, 1).await.unwrap();
            for event in events.drain(..) {
                match event {
                    Event::Record(read) => seen.insert((read.partition, read.offset)),
                    Event::Revoked(_) => return,
                    Event::Assigned(_) => false,
                };
            }
        }
    };
    timeout(PATIENCE, slowly).await.expect("the rebalance waits behind fetched records");

    while seen.len() < RECORDS {
        let events = next_events(&mut [&mut first, &mut second]).await;
        seen.extend(events.into_iter().filter_map(|event| match event {
            Event::Record(read) => Some((read.partition, read.offset)),
            _ => None,
        }));
    }
}

/// Members join and leave while records flow. Every record is read.
async fn rebalances_lose_nothing(assignor: Assignor) {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    let join = || KafkaConsumer::join(&pipeline, Path::new("/nonexistent"), assignor).unwrap();
    let (mut members, mut seen, mut appended) = (vec![join()], BTreeSet::new(), 0);
    for phase in 0..3 {
        producer.append(TOPIC, &(appended..appended + 60).map(record).collect::<Vec<_>>()).await.unwrap();
        appended += 60;
        while seen.len() < appended {
            for event in next_events(&mut members.iter_mut().collect::<Vec<_>>()).await {
                if let Event::Record(read) = event {
                    seen.insert((read.partition, read.offset));
                    for member in &mut members {
                        // Members without the partition ignore it.
                        member.store(read.partition, Commit::up_to(read.offset + 1));
                    }
                }
            }
        }
        match phase {
            0 => members.push(join()),
            // The mock brokers refuse its last commit during the rebalance. Real ones accept it.
            1 => drop(members.swap_remove(0).close().await),
            _ => {}
        }
    }
    assert_eq!(seen.len(), appended);
}

#[tokio::test]
async fn eager_rebalances_lose_nothing() {
    rebalances_lose_nothing(Assignor::Range).await;
}

#[tokio::test]
async fn cooperative_rebalances_lose_nothing() {
    rebalances_lose_nothing(Assignor::CooperativeSticky).await;
}

#[tokio::test]
async fn dropped_polls_lose_nothing() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    let mut consumer = consumer(&pipeline);
    let mut events = Vec::new();
    let mut read = Vec::new();
    for batch in 0..20 {
        producer.append(TOPIC, &(batch * 10..batch * 10 + 10).map(record).collect::<Vec<_>>()).await.unwrap();
        for _ in 0..5 {
            let _ = timeout(Duration::from_millis(3), consumer.poll(&mut events, 4)).await;
        }
    }
    while read.len() < 200 {
        timeout(PATIENCE, consumer.poll(&mut events, 7)).await.expect("records are missing").unwrap();
        read.extend(events.drain(..).filter_map(|event| match event {
            Event::Record(record) => Some((record.partition, record.offset)),
            _ => None,
        }));
    }
    assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), 200, "some records arrived twice");
}

#[tokio::test]
async fn paused_consumer_delivers_and_skips_nothing() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    producer.append(TOPIC, &(0..300).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut consumer = consumer(&pipeline);
    let (mut records, _) = read(&mut consumer, 50).await;
    for pause in 0..5 {
        consumer.pause().unwrap();
        let mut events = Vec::new();
        assert!(
            timeout(Duration::from_millis(100), consumer.poll(&mut events, 100)).await.is_err(),
            "{events:?}"
        );
        consumer.resume().unwrap();
        producer
            .append(TOPIC, &(300 + pause * 10..310 + pause * 10).map(record).collect::<Vec<_>>())
            .await
            .unwrap();
        let (more, _) = read(&mut consumer, 20).await;
        records.extend(more);
    }
    let rest = 350 - records.len();
    records.extend(read(&mut consumer, rest).await.0);
    let offsets: BTreeSet<_> = records.iter().map(|record| (record.partition, record.offset)).collect();
    assert_eq!((records.len(), offsets.len()), (350, 350));
}

#[tokio::test]
async fn partition_revoked_while_paused_is_read_after_reassignment() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    let mut first = consumer(&pipeline);
    assert!(matches!(next_rebalance(&mut first).await, Event::Assigned(_)));
    first.pause().unwrap();
    let mut second = consumer(&pipeline);
    let both = async { (next_rebalance(&mut first).await, next_rebalance(&mut first).await) };
    let (_, assigned) = tokio::join!(both, next_rebalance(&mut second));
    assert!(matches!(assigned, Event::Assigned(_)), "{assigned:?}");
    first.resume().unwrap();
    second.close().await.unwrap();

    producer.append(TOPIC, &(0..60).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut seen = BTreeSet::new();
    while seen.len() < 60 {
        let (records, _) = read(&mut first, 1).await;
        seen.extend(records.iter().map(|it| (it.partition, it.offset)));
    }
}

#[tokio::test]
async fn records_of_a_refused_batch_are_appended_alone() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    let too_large = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 3];
    cluster.request_errors(RDKafkaApiKey::Produce, &too_large[..1]);
    producer.append(TOPIC, &(0..20).map(record).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(producer.depth(TOPIC).await.unwrap(), 20);
}

#[tokio::test]
async fn depth_of_a_missing_topic_is_an_error() {
    let cluster = cluster();
    let producer = producer(&pipeline(&cluster, "Earliest"));
    assert_eq!(producer.depth(TOPIC).await.unwrap(), 0);
    cluster.topic_error("nowhere", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    assert_eq!(producer.depth("nowhere").await.unwrap_err().cause(), "unknown_topic");
}

#[tokio::test]
async fn lag_is_known_soon_after_the_assignment() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    producer(&pipeline).append(TOPIC, &(0..30).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut consumer = consumer(&pipeline);
    assert_eq!(consumer.progress(), []);
    next_rebalance(&mut consumer).await;
    consumer.pause().unwrap();
    let known = async {
        while consumer.progress().iter().any(|progress| progress.lag().is_none())
            || consumer.partitions().is_none()
        {
            let _ = timeout(Duration::from_millis(10), consumer.poll(&mut Vec::new(), 1)).await;
        }
        consumer.progress().iter().filter_map(super::super::Progress::lag).sum::<i64>()
    };
    assert_eq!(timeout(PATIENCE, known).await.expect("the lag stays unknown"), 30);
}

#[tokio::test]
async fn last_position_of_the_pipeline_is_loaded() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let producer = producer(&pipeline);
    assert_eq!(producer.load_position().await.unwrap(), None);
    let positions = pipeline.positions_topic.as_ref().unwrap().as_str();
    for cursor in ["a", "b", "c"] {
        producer.save_position(&SourcePosition(format!("{{\"cursor\":\"{cursor}\"}}"))).await.unwrap();
    }
    let other = Record::new(Vec::new(), Some(b"{}"), 0).with_key(b"demo.others");
    producer.append(positions, &[other]).await.unwrap();
    assert_eq!(producer.load_position().await.unwrap(), Some(SourcePosition("{\"cursor\":\"c\"}".into())));
}

/// Brokers that refuse the old password answer no commit of the old client. The new client must not wait for one.
#[tokio::test]
async fn unanswered_commit_does_not_delay_rotated_credentials() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    producer(&pipeline).append(TOPIC, &(0..30).map(record).collect::<Vec<_>>()).await.unwrap();
    let mut consumer = consumer(&pipeline);
    let (records, _) = read(&mut consumer, 30).await;
    cluster.broker_round_trip_time(1, Duration::from_secs(600)).unwrap();
    for (partition, end) in ends(&records) {
        consumer.store(partition, Commit::up_to(end));
    }
    consumer.renewal_due = true;
    let mut events = Vec::new();
    // The process loop drops and repeats polls, because other events interrupt them.
    let renewed = async {
        while events.is_empty() {
            let _ = timeout(Duration::from_millis(100), consumer.poll(&mut events, 100)).await;
        }
    };
    timeout(PATIENCE, renewed).await.expect("the old client stays in use");
    assert_eq!(events, [Event::Revoked((0..PARTITIONS).collect())]);
}

#[tokio::test]
async fn closing_waits_for_calls_that_share_the_client() {
    let cluster = cluster();
    let pipeline = pipeline(&cluster, "Earliest");
    let mut first = consumer(&pipeline);
    assert!(matches!(next_rebalance(&mut first).await, Event::Assigned(_)));
    let (answer, asked) = std::sync::mpsc::channel::<()>();
    let shared = first.client().unwrap();
    let client = Arc::downgrade(&shared);
    let call = std::thread::spawn(move || {
        asked.recv().unwrap();
        drop(shared);
    });
    // A member that did not leave keeps its partitions until its session times out after ten seconds.
    let (closed, ()) = tokio::join!(first.close(), async { answer.send(()).unwrap() });
    closed.unwrap();
    assert_eq!(client.strong_count(), 0, "the client, and with it the membership, outlives the consumer");
    call.join().unwrap();
}
