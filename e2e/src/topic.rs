//! Topics and consumer groups, through a Kafka client that the worker does not use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::poll_until::poll_until;
use crate::record::{NewRecord, TopicRecord};
use crate::rig::Rig;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to the rig's broker.
#[derive(Clone)]
pub struct Kafka {
    config: ClientConfig,
    reader_config: ClientConfig,
    producer: FutureProducer,
    reader: Arc<BaseConsumer>,
}

impl Kafka {
    /// A connection through the open listener. It survives restarts of the broker.
    pub fn connect(rig: &Rig) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &rig.kafka).set("reconnect.backoff.max.ms", "500");
        let producer = config
            .clone()
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "120000")
            .set("compression.codec", "zstd")
            .set("linger.ms", "20")
            // The limit is the topic's.
            .set("message.max.bytes", "16777216")
            .create()
            .expect("the producer's settings are valid");
        // librdkafka requires a group id; the reader neither subscribes nor commits.
        let mut reader_config = config.clone();
        reader_config.set("group.id", "rig-reader").set("enable.auto.commit", "false");
        let reader = reader_config.create().expect("the consumer's settings are valid");
        reader_config.set("enable.partition.eof", "true");
        Self { config, reader_config, producer, reader: Arc::new(reader) }
    }

    /// Creates a topic and returns when the broker leads every partition.
    ///
    /// # Panics
    /// When the topic exists or the broker refuses.
    pub async fn create_topic(&self, topic: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config.create().expect("the settings are valid");
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let results =
            admin.create_topics([&new], &AdminOptions::new().operation_timeout(Some(REQUEST_TIMEOUT))).await;
        for result in results.expect("the broker answers") {
            result.unwrap_or_else(|(topic, code)| panic!("{topic} was not created: {code}"));
        }
        poll_until("the topic's partitions have a leader", REQUEST_TIMEOUT, || {
            self.leaders(topic, partitions)
        })
        .await;
    }

    /// Deletes a topic and returns when it is gone from the broker's metadata.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn delete_topic(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config.create().expect("the settings are valid");
        let results = admin
            .delete_topics(&[topic], &AdminOptions::new().operation_timeout(Some(REQUEST_TIMEOUT)))
            .await;
        for result in results.expect("the broker answers") {
            result.unwrap_or_else(|(topic, code)| panic!("{topic} was not deleted: {code}"));
        }
        poll_until("the topic is gone", REQUEST_TIMEOUT, || self.leaders(topic, 0)).await;
    }

    async fn leaders(&self, topic: &str, partitions: i32) -> Result<(), String> {
        let topic = topic.to_owned();
        self.read(move |reader| {
            let metadata =
                reader.fetch_metadata(Some(&topic), REQUEST_TIMEOUT).map_err(|error| error.to_string())?;
            let found = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
            let led = found.iter().filter(|partition| partition.leader() >= 0).count();
            if i32::try_from(led) == Ok(partitions) {
                Ok(())
            } else {
                Err(format!("{led} of {partitions} have one"))
            }
        })
        .await
    }

    /// Appends records and returns when every one is acknowledged. Records with the same key keep their order.
    ///
    /// # Panics
    /// When one is not acknowledged within two minutes.
    pub async fn append(&self, topic: &str, records: &[NewRecord]) {
        let sent = records.iter().map(|record| {
            let mut message = FutureRecord::<[u8], [u8]>::to(topic).timestamp(record.timestamp);
            message.key = record.key.as_deref();
            message.payload = record.value.as_deref();
            self.producer
                .send_result(message)
                .map_err(|(error, _)| error)
                .expect("the producer's queue has room")
        });
        for delivery in futures::future::join_all(sent.collect::<Vec<_>>()).await {
            delivery
                .expect("the producer runs")
                .map_err(|(error, _)| error)
                .expect("the record is acknowledged");
        }
    }

    /// All records that the topic holds now, by partition and offset.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn records(&self, topic: &str) -> Vec<TopicRecord> {
        let (config, topic) = (self.reader_config.clone(), topic.to_owned());
        // A separate consumer, because an assignment belongs to the whole client.
        self.read(move |_| read_all(&config.create().expect("the settings are valid"), &topic)).await
    }

    /// How many records the topic holds.
    pub async fn count(&self, topic: &str) -> i64 {
        self.watermarks(topic).await.into_values().map(|(low, high)| high - low).sum()
    }

    /// The low and the high watermark of each partition: its first offset, and the one after its last.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn watermarks(&self, topic: &str) -> BTreeMap<i32, (i64, i64)> {
        let topic = topic.to_owned();
        self.read(move |reader| watermarks(reader, &topic).unwrap_or_else(|error| panic!("{topic}: {error}")))
            .await
    }

    /// The committed offsets of a group, by partition. Partitions without a commit are absent.
    ///
    /// # Errors
    /// When the group's coordinator does not answer, such as during a restart of the broker.
    pub async fn committed(&self, group: &str, topic: &str) -> Result<BTreeMap<i32, i64>, String> {
        let (config, group, topic) = (self.config.clone(), group.to_owned(), topic.to_owned());
        self.read(move |reader| {
            let group: BaseConsumer =
                config.clone().set("group.id", group).create().map_err(|error| error.to_string())?;
            let mut partitions = TopicPartitionList::new();
            for partition in watermarks(reader, &topic).map_err(|error| error.to_string())?.keys() {
                partitions.add_partition(&topic, *partition);
            }
            let offsets = group
                .committed_offsets(partitions, Duration::from_secs(10))
                .map_err(|error| error.to_string())?;
            let committed = offsets.elements().into_iter().filter_map(|element| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            });
            Ok(committed.collect())
        })
        .await
    }

    /// Waits until the group's committed offsets reach the high watermarks of the topic.
    ///
    /// # Panics
    /// When it has not within `within`.
    pub async fn await_committed(&self, group: &str, topic: &str, within: Duration) {
        poll_until(&format!("{group} has committed all of {topic}"), within, async || {
            let committed = self.committed(group, topic).await?;
            let ends = self.watermarks(topic).await;
            let behind = |(partition, (low, high)): (&i32, &(i64, i64))| {
                low < high && committed.get(partition).is_none_or(|offset| offset < high)
            };
            if ends.iter().any(behind) { Err(format!("committed {committed:?} of {ends:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// Runs a blocking read off the runtime's threads.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&BaseConsumer) -> T + Send + 'static) -> T {
        let reader = self.reader.clone();
        match tokio::task::spawn_blocking(move || read(&reader)).await {
            Ok(answer) => answer,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kafka").field("in_flight", &self.producer.in_flight_count()).finish()
    }
}

fn watermarks(reader: &BaseConsumer, topic: &str) -> rdkafka::error::KafkaResult<BTreeMap<i32, (i64, i64)>> {
    let metadata = reader.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    partitions
        .iter()
        .map(|partition| {
            Ok((partition.id(), reader.fetch_watermarks(topic, partition.id(), REQUEST_TIMEOUT)?))
        })
        .collect()
}

fn read_all(reader: &BaseConsumer, topic: &str) -> Vec<TopicRecord> {
    let watermarks = watermarks(reader, topic).unwrap_or_else(|error| panic!("{topic}: {error}"));
    let mut records = Vec::new();
    let mut open = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for (partition, (low, high)) in watermarks.into_iter().filter(|(_, (low, high))| low < high) {
        assignment.add_partition_offset(topic, partition, Offset::Offset(low)).expect("the offset is valid");
        open.insert(partition, high);
    }
    reader.assign(&assignment).expect("the partitions exist");
    while !open.is_empty() {
        let message = match reader.poll(REQUEST_TIMEOUT) {
            Some(Ok(message)) => message,
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
                continue;
            }
            other => panic!("{topic} cannot be read further, {open:?} are open: {other:?}"),
        };
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        records.push(TopicRecord {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().expect("records have a timestamp"),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                .collect(),
        });
        if open.get(&message.partition()).is_some_and(|high| message.offset() + 1 >= *high) {
            open.remove(&message.partition());
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}
