//! What a consumer looks after now and then: the ends of its partitions, rotated credentials, a topic that is missing.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::Instant;

use super::super::{Event, LogError};
use super::backpressure::Hold;
use super::blocking::{Answer, off_thread};
use super::consumer::KafkaConsumer;
use super::errors::{from_client, from_code};
use super::rebalance::{COMMIT_PATIENCE, abandon_rebalance};
use super::starting_offsets::{high_watermarks, list_of};

/// How long a topic may be missing before that is final: brokers that start know their topics only after a while.
const MISSING_TOPIC_PATIENCE: Duration = Duration::from_secs(30);
/// How long the brokers may take to say whether there is a topic.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// A topic that the brokers said is not there.
#[derive(Debug)]
pub(super) struct MissingTopic {
    since: Instant,
    /// Whether the topic is there; none when no broker said so or otherwise.
    check: Option<Answer<Option<bool>>>,
}

impl MissingTopic {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), check: None }
    }
}

impl KafkaConsumer {
    /// Does what is due.
    pub(super) fn keep_house(&mut self) -> Result<(), LogError> {
        self.ask_watermarks();
        if self.credentials.has_changed() {
            tracing::info!("the credentials of the brokers were rotated; reading goes on with the new ones");
            self.renewal_due = true;
        }
        self.check_missing_topic()
    }

    /// Asks for the ends of the partitions, unless that is under way.
    ///
    /// The client knows them only from what it fetched last, and it fetches nothing while the table is slow: just when
    /// the lag matters.
    pub(super) fn ask_watermarks(&mut self) {
        if self.watermarks.is_some() || self.assignment.is_empty() {
            return;
        }
        let Ok(client) = self.client() else { return };
        let topic = self.subscription.topic.clone();
        let partitions: Vec<i32> = self.assignment.partitions().collect();
        self.watermarks =
            off_thread("kafka-watermarks", move || high_watermarks(&*client, &topic, &partitions)).ok();
    }

    /// Takes in the answers that have come to what was asked on other threads.
    pub(super) fn poll_questions(&mut self, cx: &mut Context<'_>) {
        if let Some(answer) = &mut self.watermarks
            && let Poll::Ready(answer) = answer.poll_unpin(cx)
        {
            self.watermarks = None;
            match answer {
                Ok(Ok(ends)) => {
                    for (partition, end) in ends {
                        self.assignment.ends_at(partition, end);
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "high watermarks are not known for now"),
                Err(_) => {}
            }
        }
    }

    fn check_missing_topic(&mut self) -> Result<(), LogError> {
        let client = self.client()?;
        let Some(missing) = &mut self.missing_topic else { return Ok(()) };
        // Asking also makes the client look again, so that it joins as soon as the topic is there.
        match missing.check.take().map(|mut check| (check.try_recv(), check)) {
            Some((Ok(Some(true)), _)) => {
                self.missing_topic = None;
                return Ok(());
            }
            Some((Ok(Some(false)), _)) if missing.since.elapsed() >= MISSING_TOPIC_PATIENCE => {
                self.refused = Some(RDKafkaErrorCode::UnknownTopicOrPartition);
                return Err(from_code(RDKafkaErrorCode::UnknownTopicOrPartition));
            }
            Some((Err(tokio::sync::oneshot::error::TryRecvError::Empty), check)) => {
                missing.check = Some(check);
                return Ok(());
            }
            _ => {}
        }
        let topic = self.subscription.topic.clone();
        missing.check = off_thread("kafka-metadata", move || {
            let metadata = client.fetch_metadata(Some(&topic), METADATA_TIMEOUT).ok()?;
            Some(metadata.topics().iter().any(|topic| topic.error().is_none()))
        })
        .ok();
        Ok(())
    }

    /// Puts a new client in the place of the old one: with the credentials read last, and without the fault that the old
    /// one may have died of.
    pub(super) async fn renew(&mut self, events: &mut Vec<Event>) -> Result<(), LogError> {
        if let Err(error) = self.commit_stored(COMMIT_PATIENCE, |_| true).await {
            tracing::warn!(%error, "offsets could not be committed before the client was renewed; some records will be read again");
        }
        // From here on nothing is awaited: whoever drops the call finds either the old client or the new one.
        self.renewal_due = false;
        let fresh = match self.subscription.open(self.credentials.current()) {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(%error, "no client can be made with the credentials that are mounted; the old one stays in use");
                return Ok(());
            }
        };
        self.commit = None;
        self.watermarks = None;
        if let Some(old) = self.client.replace(Arc::new(fresh)) {
            abandon_rebalance(&old, &self.subscription.topic, self.step.take());
            off_thread("kafka-leave", move || drop(old))?;
        }
        self.ready.clear();
        self.hold = Hold::default();
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
