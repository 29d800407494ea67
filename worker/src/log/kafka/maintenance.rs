//! Periodic work of a consumer: partitions and high watermarks of the topic, rotated credentials, a missing topic.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Instant;

use super::backpressure::Backpressure;
use super::blocking::{Pending, spawn_blocking};
use super::consumer::KafkaConsumer;
use super::error::{from_client, from_code};
use super::rebalance::{COMMIT_PATIENCE, abandon_rebalance};
use super::starting_offsets::{list_of, topic_state};
use crate::log::{Event, LogError};

/// How long a topic may be missing until that is an error: brokers load their topics after they start.
const MISSING_TOPIC_PATIENCE: Duration = Duration::from_secs(30);
/// How long the brokers may take to answer whether the topic exists.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// A topic that the brokers reported as unknown.
#[derive(Debug)]
pub(super) struct MissingTopic {
    since: Instant,
    /// Whether the topic exists. None when no broker answered.
    check: Option<Pending<Option<bool>>>,
}

impl MissingTopic {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), check: None }
    }
}

impl KafkaConsumer {
    /// Runs the periodic work.
    pub(super) fn maintain(&mut self) -> Result<(), LogError> {
        self.request_topic_state();
        if self.credentials.has_changed() {
            tracing::info!("the credentials of the brokers were rotated; a new client will use them");
            self.renewal_due = true;
        }
        self.check_missing_topic()
    }

    /// Requests the number of the topic's partitions and the high watermarks of the assigned ones, unless a request is
    /// in flight.
    ///
    /// The client has only the high watermarks of its last fetch, and it does not fetch while the table is slow: just
    /// when the lag matters.
    pub(super) fn request_topic_state(&mut self) {
        if self.topic_state.is_some() || self.assignment.is_empty() {
            return;
        }
        let Ok(client) = self.client() else { return };
        let topic = self.subscription.topic.clone();
        let partitions: Vec<i32> = self.assignment.partitions().collect();
        self.topic_state =
            spawn_blocking("kafka-topic-state", move || topic_state(&*client, &topic, &partitions)).ok();
    }

    /// Takes over the topic's state when it has arrived.
    pub(super) fn poll_topic_state(&mut self, cx: &mut Context<'_>) {
        let Some(pending) = &mut self.topic_state else { return };
        let Poll::Ready(answer) = pending.poll_unpin(cx) else { return };
        self.topic_state = None;
        match answer {
            Ok(Ok(state)) => {
                self.partition_count = Some(state.partitions).filter(|count| *count > 0);
                for (partition, end) in state.high_watermarks {
                    self.assignment.set_high_watermark(partition, end);
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "the topic's state is unknown for now"),
            Err(_) => {}
        }
    }

    fn check_missing_topic(&mut self) -> Result<(), LogError> {
        let client = self.client()?;
        let Some(missing) = &mut self.missing_topic else { return Ok(()) };
        // The request also refreshes the client's metadata, so that it joins as soon as the topic exists.
        match missing.check.take().map(|mut check| (check.try_recv(), check)) {
            Some((Ok(Some(true)), _)) => {
                self.missing_topic = None;
                return Ok(());
            }
            Some((Ok(Some(false)), _)) if missing.since.elapsed() >= MISSING_TOPIC_PATIENCE => {
                self.refused = Some(RDKafkaErrorCode::UnknownTopicOrPartition);
                return Err(from_code(RDKafkaErrorCode::UnknownTopicOrPartition));
            }
            Some((Err(TryRecvError::Empty), check)) => {
                missing.check = Some(check);
                return Ok(());
            }
            _ => {}
        }
        let topic = self.subscription.topic.clone();
        missing.check = spawn_blocking("kafka-metadata", move || {
            let metadata = client.fetch_metadata(Some(&topic), METADATA_TIMEOUT).ok()?;
            Some(metadata.topics().iter().any(|topic| topic.error().is_none()))
        })
        .ok();
        Ok(())
    }

    /// Replaces the client: the new one uses the credentials that were read last, and starts without the fatal error
    /// that the old one may have.
    pub(super) async fn renew(&mut self, events: &mut Vec<Event>) -> Result<(), LogError> {
        if let Err(error) = self.commit_stored(COMMIT_PATIENCE, |_| true).await {
            tracing::warn!(%error, "the commit before the client is replaced failed: some records will be read again");
        }
        // No await from here on: a caller that drops the call leaves either the old client or the new one.
        self.renewal_due = false;
        let fresh = match self.subscription.open(self.credentials.current()) {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(%error, "the mounted credentials are unusable: the old client stays in use");
                return Ok(());
            }
        };
        self.commit = None;
        self.topic_state = None;
        if let Some(old) = self.client.replace(Arc::new(fresh)) {
            abandon_rebalance(&old, &self.subscription.topic, self.step.take());
            spawn_blocking("kafka-leave", move || drop(old))?;
        }
        self.ready.clear();
        self.backpressure = Backpressure::default();
        let partitions: Vec<i32> = self.assignment.partitions().collect();
        for partition in &partitions {
            self.assignment.remove(*partition);
        }
        if !partitions.is_empty() {
            events.push(Event::Revoked(partitions));
        }
        self.client()?.subscribe(&[&self.subscription.topic]).map_err(from_client)
    }

    /// The assigned partitions as the client takes them.
    pub(super) fn assigned(&self) -> Result<TopicPartitionList, LogError> {
        let partitions: Vec<i32> = self.assignment.partitions().collect();
        list_of(&self.subscription.topic, &partitions, Offset::Invalid).map_err(from_client)
    }
}
