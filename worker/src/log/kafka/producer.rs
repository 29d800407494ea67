//! Appending to topics: idempotent, acknowledged by all in-sync replicas, a batch at a time.

use std::cell::{Ref, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::RwLock;
use userstream_crds::model::{Kafka, Pipeline};

use super::super::{AppendError, LogError, Producer, Rejection, SourcePosition};
use super::blocking::off_thread;
use super::client_config::{OpenError, connection};
use super::delivery_reports::{Deliveries, Failure};
use super::errors::{Nature, from_client, from_code, judge};
use super::source_positions::Positions;
use crate::record::Record;
use crate::security::credentials::{CredentialSource, CredentialWatch, Credentials};

/// How long a question to the brokers may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Appends records to the topics of a pipeline's cluster, and keeps the position of its source.
///
/// The client is made for the first append, and made anew, between appends, when credentials were rotated or the old one
/// has failed for good: an idempotent producer that lost its sequence never recovers.
pub struct KafkaProducer {
    kafka: Kafka,
    positions: Option<Positions>,
    credentials: RefCell<CredentialWatch>,
    client: RefCell<Option<Rc<Client>>>,
    /// Held for reading by appends, for writing by a record that must have a batch of its own.
    alone: RwLock<()>,
}

impl KafkaProducer {
    /// A producer for a pipeline's cluster.
    ///
    /// # Errors
    /// When credentials are not mounted as they should be.
    pub fn open(pipeline: &Pipeline, secrets: &Path) -> Result<Self, OpenError> {
        let credentials = CredentialWatch::start(CredentialSource::kafka(&pipeline.kafka, secrets))?;
        Ok(Self {
            kafka: pipeline.kafka.clone(),
            positions: Positions::of(pipeline),
            credentials: RefCell::new(credentials),
            client: RefCell::new(None),
            alone: RwLock::new(()),
        })
    }

    /// The credentials as they are mounted now. A client with others is not used any more.
    fn credentials(&self) -> Ref<'_, Credentials> {
        if self.credentials.borrow_mut().has_changed() {
            tracing::info!(
                "the credentials of the brokers were rotated; appending goes on with the new ones"
            );
            *self.client.borrow_mut() = None;
        }
        Ref::map(self.credentials.borrow(), CredentialWatch::current)
    }

    fn client(&self) -> Result<Rc<Client>, LogError> {
        let credentials = self.credentials();
        let mut client = self.client.borrow_mut();
        if let Some(client) = client.as_ref().filter(|client| !client.has_failed()) {
            return Ok(Rc::clone(client));
        }
        let fresh = Rc::new(Client::open(&self.kafka, &credentials)?);
        *client = Some(Rc::clone(&fresh));
        Ok(fresh)
    }

    /// How many records a topic holds: the high less the low watermark, over all its partitions. Compaction and deleted
    /// records make it an upper bound.
    ///
    /// # Errors
    /// When there is no such topic, or its leaders do not answer.
    pub async fn depth(&self, topic: &str) -> Result<i64, LogError> {
        let producer = self.client()?.producer()?.clone();
        let topic = topic.to_owned();
        let answer = off_thread("kafka-depth", move || depth(producer.client(), &topic))?;
        answer.await.map_err(|_| from_code(RDKafkaErrorCode::Fail))?
    }

    /// Appends, and tells what became of records that were not acknowledged.
    async fn send(&self, topic: &str, partition: Option<i32>, records: &[Record]) -> Result<(), AppendError> {
        if records.is_empty() {
            return Ok(());
        }
        let client = self.client()?;
        let beside_others = self.alone.read().await;
        let mut failures = client.send(topic, partition, records, 0).await?;
        drop(beside_others);
        // Brokers refuse a whole batch for one record in it, and a batch may hold records of several appends: whatever
        // was refused gets a chance of its own, with nothing else under way.
        let suspects: Vec<u32> =
            failures.iter().filter(|(_, code)| may_be_others_fault(*code)).map(|(index, _)| *index).collect();
        failures.retain(|(_, code)| !may_be_others_fault(*code));
        for index in suspects {
            let Some(record) = records.get(index as usize) else { continue };
            let _alone = self.alone.write().await;
            failures.extend(client.send(topic, partition, std::slice::from_ref(record), index).await?);
        }
        outcome(failures)
    }
}

impl Producer for KafkaProducer {
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError> {
        self.send(topic, None, records).await
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        let Some(positions) = &self.positions else { return Ok(None) };
        let config = connection(&self.kafka, &self.credentials());
        positions.load(config).await
    }

    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError> {
        let Some(positions) = &self.positions else {
            return Err(from_code(RDKafkaErrorCode::NotConfigured));
        };
        let record = positions.record(position);
        match self.send(positions.topic(), Some(0), std::slice::from_ref(&record)).await {
            Ok(()) => Ok(()),
            Err(AppendError::Log(error)) => Err(error),
            Err(AppendError::Rejected(_)) => Err(from_code(RDKafkaErrorCode::MessageSizeTooLarge)),
        }
    }
}

fn depth(client: &rdkafka::client::Client<Deliveries>, topic: &str) -> Result<i64, LogError> {
    let metadata = client.fetch_metadata(Some(topic), REQUEST_TIMEOUT).map_err(from_client)?;
    let mut depth = 0_i64;
    for found in metadata.topics() {
        if let Some(error) = found.error() {
            return Err(from_code(error.into()));
        }
        for partition in found.partitions() {
            let (low, high) =
                client.fetch_watermarks(topic, partition.id(), REQUEST_TIMEOUT).map_err(from_client)?;
            depth = depth.saturating_add(high.saturating_sub(low).max(0));
        }
    }
    Ok(depth)
}

/// Whether a record may have been refused because of another record in its batch.
fn may_be_others_fault(code: RDKafkaErrorCode) -> bool {
    code == RDKafkaErrorCode::InvalidDifferentRecord || matches!(judge(code), (Nature::Record(_), _))
}

/// What failures mean for the append as a whole.
fn outcome(failures: Vec<Failure>) -> Result<(), AppendError> {
    let mut rejections = Vec::new();
    for (index, code) in failures {
        match judge(code) {
            (Nature::Record(reason), _) => rejections.push(Rejection { index: index as usize, reason }),
            (Nature::Passing | Nature::Lasting, _) => return Err(from_code(code).into()),
        }
    }
    if rejections.is_empty() {
        return Ok(());
    }
    rejections.sort_by_key(|rejection| rejection.index);
    Err(AppendError::Rejected(rejections))
}

/// One librdkafka producer.
struct Client {
    producer: Option<ThreadedProducer<Deliveries>>,
}

impl Client {
    fn open(kafka: &Kafka, credentials: &Credentials) -> Result<Self, LogError> {
        let mut config = connection(kafka, credentials);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.codec", kafka.compression.name())
            .set("linger.ms", kafka.linger.as_millis().to_string())
            // The same partition for a key as Kafka's own clients choose.
            .set("partitioner", "murmur2_random")
            // Brokers and topics say how large a record may be, not the client's default.
            .set("message.max.bytes", "16777216")
            .set("message.timeout.ms", "30000")
            .set("request.timeout.ms", "10000")
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "32768");
        let producer = config.create_with_context(Deliveries::default()).map_err(from_client)?;
        Ok(Self { producer: Some(producer) })
    }

    fn producer(&self) -> Result<&ThreadedProducer<Deliveries>, LogError> {
        self.producer.as_ref().ok_or_else(|| from_code(RDKafkaErrorCode::DestroyBroker))
    }

    fn has_failed(&self) -> bool {
        self.producer.as_ref().is_none_or(|producer| producer.client().fatal_error().is_some())
    }

    /// Sends records, the first of which counts as number `first`, and waits for all reports. Returns those that were not
    /// acknowledged.
    async fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        records: &[Record],
        first: u32,
    ) -> Result<Vec<Failure>, LogError> {
        let producer = self.producer()?;
        let deliveries = producer.context();
        let (mut sending, done) = deliveries.open(records.len());
        for (index, record) in (first..).zip(records) {
            let mut message = message(topic, partition, record, sending.label(index));
            loop {
                match producer.send(message) {
                    Ok(()) => break sending.sent(),
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                        message = unsent;
                        deliveries.room().await;
                    }
                    Err((error, _)) => {
                        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                        break sending.refused(index, code);
                    }
                }
            }
        }
        drop(sending);
        done.await.map_err(|_| from_code(RDKafkaErrorCode::DestroyBroker))
    }
}

impl Drop for Client {
    // The polling thread is waited for, and what is left in the queue is thrown away: that takes a while.
    fn drop(&mut self) {
        let producer = self.producer.take();
        if let Err(error) = off_thread("kafka-close", move || drop(producer)) {
            tracing::debug!(%error, "a producer was closed in place");
        }
    }
}

fn message<'r>(
    topic: &'r str,
    partition: Option<i32>,
    record: &'r Record,
    label: usize,
) -> BaseRecord<'r, [u8], [u8], usize> {
    let mut headers: Option<OwnedHeaders> = None;
    for (key, value) in record.headers() {
        let sofar = headers.take().unwrap_or_default();
        headers = Some(sofar.insert(Header { key, value }));
    }
    BaseRecord {
        topic,
        partition,
        payload: record.value(),
        key: record.key(),
        timestamp: Some(record.timestamp),
        headers,
        delivery_opaque: label,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::json;
    use userstream_crds::worker_config::WorkerConfig;

    use super::*;
    use crate::log::RejectionReason;
    use crate::security::credentials::ROTATION_INTERVAL;

    #[tokio::test(start_paused = true)]
    async fn a_position_is_loaded_with_the_credentials_that_are_mounted_by_then() {
        let secrets = tempfile::tempdir().unwrap();
        std::fs::create_dir(secrets.path().join("user")).unwrap();
        let mount = |key: &str, value: &str| std::fs::write(secrets.path().join("user").join(key), value);
        mount("username", "ada").unwrap();
        mount("password", "first").unwrap();
        let config = json!({
            "version": 1,
            "pipeline": {"namespace": "demo", "name": "users"},
            "spec": {
                "source": {"mode": "Continuous", "generator": {}},
                "schema": {"fields": [{"name": "id", "type": "uuid", "required": true}]},
                "kafka": {"bootstrapServers": "127.0.0.1:1", "topic": {"name": "users"},
                    "sasl": {"mechanism": "SCRAM-SHA-512", "secretRef": {"name": "user"}}},
                "sink": {"cassandra": {"contactPoints": ["table:9042"], "keyspace": {"name": "demo"},
                    "table": {"name": "users", "partitionKey": ["id"]}}},
            },
        });
        let (_, pipeline) = WorkerConfig::parse(&config.to_string()).unwrap();
        let producer = KafkaProducer::open(&pipeline, secrets.path()).unwrap();
        mount("password", "second").unwrap();
        tokio::time::advance(ROTATION_INTERVAL).await;
        assert!(producer.load_position().now_or_never().is_none(), "the brokers have not answered yet");
        let credentials = producer.credentials.borrow();
        assert_eq!(credentials.current().login.as_ref().unwrap().password(), "second");
    }

    #[test]
    fn one_record_that_may_pass_later_keeps_the_whole_append_from_being_final() {
        let failures =
            vec![(0, RDKafkaErrorCode::MessageSizeTooLarge), (1, RDKafkaErrorCode::MessageTimedOut)];
        let Err(AppendError::Log(error)) = outcome(failures) else { panic!("not an error of the log") };
        assert!(error.is_retryable());
    }

    #[test]
    fn rejected_records_are_told_in_order() {
        let failures = vec![(5, RDKafkaErrorCode::InvalidRecord), (2, RDKafkaErrorCode::MessageSizeTooLarge)];
        let Err(AppendError::Rejected(rejections)) = outcome(failures) else { panic!("not rejected") };
        assert_eq!(
            rejections,
            [
                Rejection { index: 2, reason: RejectionReason::TooLarge },
                Rejection { index: 5, reason: RejectionReason::Invalid }
            ]
        );
    }

    #[test]
    fn a_producer_that_failed_for_good_is_an_outage_not_an_end() {
        for code in [
            RDKafkaErrorCode::Fatal,
            RDKafkaErrorCode::PurgeQueue,
            RDKafkaErrorCode::OutOfOrderSequenceNumber,
        ] {
            let Err(AppendError::Log(error)) = outcome(vec![(0, code)]) else {
                panic!("not an error of the log")
            };
            assert!(error.is_retryable(), "{code:?}");
        }
    }
}
