//! An idempotent producer: appends are acknowledged by all in-sync replicas.

use std::cell::{Ref, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::RwLock;
use userstream_crds::model::{Kafka, LARGEST_APPEND, Pipeline};

use super::blocking::spawn_blocking;
use super::client_config::{OpenError, connection};
use super::delivery_reports::{Deliveries, Failure};
use super::error::{classify, from_client, from_code};
use super::source_positions::SourcePositions;
use crate::delivery::retry::Retry;
use crate::log::{AppendError, LogError, Producer, Rejection, SourcePosition};
use crate::record::Record;
use crate::security::credentials::{CredentialSource, CredentialWatch, Credentials};

/// How long one request to the brokers may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Appends records to the topics of a pipeline's cluster, and stores the position of its source.
///
/// The client is created for the first append. Between appends a new one replaces it when credentials were rotated, or
/// when it has a fatal error: an idempotent producer that lost its sequence never recovers.
pub struct KafkaProducer {
    kafka: Kafka,
    positions: Option<SourcePositions>,
    credentials: RefCell<CredentialWatch>,
    client: RefCell<Option<Rc<Client>>>,
    /// Appends hold it for reading. A record that must be alone in its batch holds it for writing.
    exclusive: RwLock<()>,
}

impl KafkaProducer {
    /// A producer for a pipeline's cluster.
    ///
    /// # Errors
    /// When credentials are missing or unusable.
    pub fn open(pipeline: &Pipeline, secrets: &Path) -> Result<Self, OpenError> {
        let credentials = CredentialWatch::start(CredentialSource::kafka(&pipeline.kafka, secrets))?;
        Ok(Self {
            kafka: pipeline.kafka.clone(),
            positions: SourcePositions::of(pipeline),
            credentials: RefCell::new(credentials),
            client: RefCell::new(None),
            exclusive: RwLock::new(()),
        })
    }

    /// The mounted credentials. A client with older ones is dropped.
    fn credentials(&self) -> Ref<'_, Credentials> {
        if self.credentials.borrow_mut().has_changed() {
            tracing::info!("the credentials of the brokers were rotated; a new client will use them");
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

    /// How many records a topic holds: the sum of high less low watermarks. An upper bound on a compacted topic.
    ///
    /// # Errors
    /// When the topic does not exist, or a leader does not answer.
    pub async fn depth(&self, topic: &str) -> Result<i64, LogError> {
        let producer = self.client()?.producer()?.clone();
        let topic = topic.to_owned();
        let answer = spawn_blocking("kafka-depth", move || depth(producer.client(), &topic))?;
        answer.await.map_err(|_| from_code(RDKafkaErrorCode::Fail))?
    }

    /// Appends records, and classifies those that were not acknowledged.
    async fn send(&self, topic: &str, partition: Option<i32>, records: &[Record]) -> Result<(), AppendError> {
        if records.is_empty() {
            return Ok(());
        }
        let client = self.client()?;
        let shared = self.exclusive.read().await;
        let mut failures = client.send(topic, partition, records, 0).await?;
        drop(shared);
        // Brokers refuse a whole batch for one record in it, and a batch may hold records of several appends. So each
        // refused record is sent again, alone in its batch.
        let suspects: Vec<u32> =
            failures.iter().filter(|(_, code)| is_batch_error(*code)).map(|(index, _)| *index).collect();
        failures.retain(|(_, code)| !is_batch_error(*code));
        for index in suspects {
            let Some(record) = records.get(index as usize) else { continue };
            let _exclusive = self.exclusive.write().await;
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
fn is_batch_error(code: RDKafkaErrorCode) -> bool {
    code == RDKafkaErrorCode::InvalidDifferentRecord || matches!(classify(code), (Retry::Rows, _))
}

/// The outcome of an append with these failures.
fn outcome(failures: Vec<Failure>) -> Result<(), AppendError> {
    let mut rejections = Vec::new();
    for (index, code) in failures {
        match classify(code) {
            (Retry::Rows, cause) => {
                rejections.push(Rejection { index: index as usize, reason: cause.rejection() });
            }
            (Retry::Transient | Retry::Permanent, _) => return Err(from_code(code).into()),
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
            // The partitioner of Kafka's Java client.
            .set("partitioner", "murmur2_random")
            // The limit is the topic's, not the client's default.
            .set("message.max.bytes", LARGEST_APPEND.to_string())
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

    /// Sends records, the first of which has the index `first`, and waits for all reports. Returns the failures.
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
    // Closing joins the polling thread and purges the queue, which blocks.
    fn drop(&mut self) {
        let producer = self.producer.take();
        if let Err(error) = spawn_blocking("kafka-close", move || drop(producer)) {
            tracing::debug!(%error, "no thread to close a producer: it was closed on the worker's thread");
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
        headers = Some(headers.unwrap_or_default().insert(Header { key, value }));
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
    async fn position_is_loaded_with_rotated_credentials() {
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
    fn one_transient_failure_makes_the_append_retryable() {
        let failures =
            vec![(0, RDKafkaErrorCode::MessageSizeTooLarge), (1, RDKafkaErrorCode::MessageTimedOut)];
        let Err(AppendError::Log(error)) = outcome(failures) else { panic!("not an error of the log") };
        assert!(error.is_retryable());
    }

    #[test]
    fn rejections_are_in_the_order_of_records() {
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
    fn fatal_producer_error_is_transient() {
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
