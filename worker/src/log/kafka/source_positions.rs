//! Source positions in a compacted topic of one partition: the key is the pipeline, the value its position.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;
use std::time::Instant;
use tokio::time::timeout;
use userstream_crds::model::Pipeline;

use super::blocking::spawn_blocking;
use super::context::GroupContext;
use super::error::{classify, from_client, from_code, timed_out};
use super::starting_offsets::list_of;
use crate::delivery::retry::Retry;
use crate::log::{LogError, SourcePosition};
use crate::record::Record;

/// How long reading the topic may take. It holds one record for each pipeline, and those not compacted yet.
const LOAD_PATIENCE: Duration = Duration::from_secs(30);

/// The position of one pipeline's source.
#[derive(Debug, Clone)]
pub(super) struct SourcePositions {
    topic: String,
    key: String,
    /// The client requires a group. It is never joined.
    group: String,
}

impl SourcePositions {
    /// The position of a pipeline, if it stores one.
    pub(super) fn of(pipeline: &Pipeline) -> Option<Self> {
        Some(Self {
            topic: pipeline.positions_topic.as_ref()?.as_str().to_owned(),
            key: format!("{}.{}", pipeline.namespace, pipeline.name),
            group: pipeline.processor.consumer_group.as_str().to_owned(),
        })
    }

    /// The topic.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// The record that saves a position.
    pub(super) fn record(&self, position: &SourcePosition) -> Record {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        Record::new(Vec::new(), Some(position.0.as_bytes()), now).with_key(self.key.as_bytes())
    }

    /// Reads the topic from its beginning to its end.
    ///
    /// # Errors
    /// When it cannot be read. A missing topic is an error and not an absent position.
    pub(super) async fn load(&self, mut config: ClientConfig) -> Result<Option<SourcePosition>, LogError> {
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("queued.max.messages.kbytes", "1024");
        let positions = self.clone();
        let answer = spawn_blocking("kafka-positions", move || positions.read(&config))?;
        match timeout(LOAD_PATIENCE + Duration::from_secs(5), answer).await {
            Ok(Ok(position)) => position,
            Ok(Err(_)) => Err(from_code(RDKafkaErrorCode::Fail)),
            Err(_) => Err(timed_out("reading the positions topic")),
        }
    }

    fn read(&self, config: &ClientConfig) -> Result<Option<SourcePosition>, LogError> {
        let deadline = Instant::now() + LOAD_PATIENCE;
        let consumer: BaseConsumer<GroupContext> =
            config.create_with_context(GroupContext::default()).map_err(from_client)?;
        let position = self.scan(&consumer, deadline);
        // Closing waits for brokers that may not answer, and the position is known already.
        spawn_blocking("kafka-close", move || drop(consumer))?;
        position
    }

    fn scan(
        &self,
        consumer: &BaseConsumer<GroupContext>,
        deadline: Instant,
    ) -> Result<Option<SourcePosition>, LogError> {
        let metadata = consumer.fetch_metadata(Some(&self.topic), LOAD_PATIENCE).map_err(from_client)?;
        if let Some(error) = metadata.topics().iter().find_map(|topic| topic.error()) {
            return Err(from_code(error.into()));
        }
        let list = list_of(&self.topic, &[0], Offset::Beginning).map_err(from_client)?;
        consumer.assign(&list).map_err(from_client)?;
        let mut last = None;
        while Instant::now() < deadline {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.key() == Some(self.key.as_bytes()) => {
                    last = message.payload().map(<[u8]>::to_vec);
                }
                Some(Ok(_)) | None => {}
                Some(Err(KafkaError::PartitionEOF(_))) => return last.map(text).transpose(),
                Some(Err(error)) => match error.rdkafka_error_code().map(classify) {
                    // The client retries until the deadline.
                    Some((Retry::Transient, _)) => {}
                    _ => return Err(from_client(error)),
                },
            }
        }
        Err(timed_out("reading the positions topic"))
    }
}

fn text(value: Vec<u8>) -> Result<SourcePosition, LogError> {
    String::from_utf8(value).map(SourcePosition).map_err(|_| from_code(RDKafkaErrorCode::InvalidRecord))
}
