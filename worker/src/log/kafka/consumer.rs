//! A member of a consumer group on one topic.
//!
//! Records are taken from librdkafka in batches and delivered from there, so that a call that asks for one record costs
//! no call into the client. Calls that ask a broker run on their own threads (see [`spawn_blocking`](super::blocking)).
//! All state lives in the consumer and not in a future, so that a poll that is dropped loses nothing.
//!
//! # Offsets
//! Offsets are always set explicitly, and an offset that the topic no longer has is an error: a silent jump to either
//! end would lose or repeat records unnoticed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::Stream;
use rdkafka::consumer::{Consumer as _, MessageStream};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::{Instant, Interval, MissedTickBehavior, timeout};
use userstream_crds::model::Pipeline;

use super::assignment::Assignment;
use super::backpressure::Backpressure;
use super::blocking::{Pending, spawn_blocking};
use super::buffer_pool::BufferPool;
use super::client_config::OpenError;
use super::context::GroupContext;
use super::error::{Cause, classify, from_client, from_code, log_error};
use super::maintenance::MissingTopic;
use super::rebalance::{CommitInFlight, ROUTINE_COMMIT_PATIENCE, Step, abandon_rebalance};
use super::starting_offsets::TopicState;
use super::subscription::{Assignor, GroupClient, Subscription, leave};
use crate::delivery::retry::Retry;
use crate::log::{Commit, Consumer, Event, LogError, Progress};
use crate::record::LogRecord;
use crate::security::credentials::{CredentialSource, CredentialWatch};

/// How many records are taken from the client at once.
const BATCH: usize = 256;
/// How often the topic's state is requested and other periodic work runs.
const MAINTENANCE: Duration = Duration::from_secs(5);
/// How long leaving the group may take while a broker is unreachable.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// A member of the pipeline's consumer group.
pub struct KafkaConsumer {
    pub(super) subscription: Subscription,
    pub(super) credentials: CredentialWatch,
    /// The client is to be replaced: its credentials are old, or it has a fatal error.
    pub(super) renewal_due: bool,
    pub(super) client: Option<Arc<GroupClient>>,
    pub(super) assignment: Assignment,
    /// Records taken from the client and not yet delivered.
    pub(super) ready: VecDeque<LogRecord>,
    buffers: BufferPool,
    pub(super) paused: bool,
    pub(super) backpressure: Backpressure,
    /// The rebalance in progress.
    pub(super) step: Option<Step>,
    /// The commit in flight, also after its caller stopped waiting.
    pub(super) commit: Option<CommitInFlight>,
    /// When the group first started, part of every commit's metadata.
    pub(super) first_start: Option<i64>,
    /// The request for the topic's state that is in flight.
    pub(super) topic_state: Option<Pending<KafkaResult<TopicState>>>,
    /// How many partitions the topic has, as a broker last reported it.
    pub(super) partition_count: Option<u32>,
    maintenance: Interval,
    pub(super) missing_topic: Option<MissingTopic>,
    /// The permanent error, after which nothing is read any more.
    pub(super) refused: Option<RDKafkaErrorCode>,
}

/// The result of [`KafkaConsumer::advance`].
enum Advance {
    /// Records to deliver, or a rebalance to complete.
    Ready,
    /// Periodic work is due.
    Maintenance,
    /// The client reported an error.
    Failed(KafkaError),
}

impl KafkaConsumer {
    /// Joins the pipeline's consumer group on its topic. Returns at once; the first [`Event::Assigned`] reports that
    /// the group was joined. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When credentials are missing or the client refuses its settings, for example an invalid certificate. Unreachable
    /// brokers are an error of [`poll`](Consumer::poll), not of this.
    pub fn join(pipeline: &Pipeline, secrets: &Path, assignor: Assignor) -> Result<Self, OpenError> {
        let credentials = CredentialWatch::start(CredentialSource::kafka(&pipeline.kafka, secrets))?;
        let subscription = Subscription {
            kafka: pipeline.kafka.clone(),
            topic: pipeline.topic.name.as_str().to_owned(),
            group: pipeline.processor.consumer_group.as_str().to_owned(),
            starting_offsets: pipeline.processor.starting_offsets,
            assignor,
        };
        let client = subscription.open(credentials.current())?;
        client.subscribe(&[&subscription.topic]).map_err(from_client)?;
        let mut maintenance = tokio::time::interval_at(Instant::now() + MAINTENANCE, MAINTENANCE);
        maintenance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            subscription,
            credentials,
            renewal_due: false,
            client: Some(Arc::new(client)),
            assignment: Assignment::default(),
            ready: VecDeque::new(),
            buffers: BufferPool::default(),
            paused: false,
            backpressure: Backpressure::default(),
            step: None,
            commit: None,
            first_start: None,
            topic_state: None,
            partition_count: None,
            maintenance,
            missing_topic: None,
            refused: None,
        })
    }

    /// The client. None is left only after the consumer was closed.
    pub(super) fn client(&self) -> Result<Arc<GroupClient>, LogError> {
        self.client.clone().ok_or_else(|| from_code(RDKafkaErrorCode::DestroyBroker))
    }

    /// Takes records from the client into `self` until there is something to do.
    fn advance(
        &mut self,
        client: &GroupClient,
        messages: &mut MessageStream<'_, GroupContext>,
        cx: &mut Context<'_>,
    ) -> Poll<Advance> {
        if self.maintenance.poll_tick(cx).is_ready() {
            return Poll::Ready(Advance::Maintenance);
        }
        self.poll_topic_state(cx);
        let mut last_error = None;
        // Under backpressure the queue is emptied: nothing is fetched, so this ends.
        while self.backpressure.is_paused || self.ready.len() < BATCH {
            match Pin::new(&mut *messages).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if self.assignment.accept(message.partition(), message.offset()) {
                        let record = self.buffers.read(&message);
                        self.ready.push_back(record);
                    }
                }
                // While brokers are unreachable the client queues an error for every attempt. Reported one by one, they
                // would delay the records that arrive after the brokers are back.
                Poll::Ready(Some(Err(error))) if is_transient(&error) => last_error = Some(error),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Advance::Failed(error)),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        let deliverable = !self.paused && !self.ready.is_empty();
        if deliverable || client.context().has_rebalance() {
            return Poll::Ready(Advance::Ready);
        }
        last_error.map_or(Poll::Pending, |error| Poll::Ready(Advance::Failed(error)))
    }

    fn react(&mut self, advance: Advance) -> Result<(), LogError> {
        match advance {
            Advance::Ready => Ok(()),
            Advance::Maintenance => self.maintain(),
            Advance::Failed(error) => self.failed(error).map_or(Ok(()), Err),
        }
    }

    /// Delivers records. False when there are none.
    fn deliver(&mut self, events: &mut Vec<Event>, max: usize) -> bool {
        if self.paused || self.ready.is_empty() {
            return false;
        }
        let count = max.min(self.ready.len());
        events.extend(self.ready.drain(..count).map(Event::Record));
        count > 0
    }

    /// The error of this call for an error of the client. None when the client recovers without an effect on the
    /// records: one broker of several is unreachable.
    fn failed(&mut self, error: KafkaError) -> Option<LogError> {
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            self.renewal_due = true;
        }
        let code = error.rdkafka_error_code()?;
        match classify(code) {
            (_, cause @ Cause::UnknownTopic) => {
                self.missing_topic.get_or_insert_with(MissingTopic::new);
                Some(log_error(Retry::Transient, cause, error))
            }
            (Retry::Transient, Cause::Connection | Cause::NameResolution | Cause::TimedOut)
                if code != RDKafkaErrorCode::AllBrokersDown =>
            {
                None
            }
            (Retry::Transient, _) => Some(from_client(error)),
            (Retry::Permanent | Retry::Rows, _) => {
                self.refused = Some(code);
                Some(from_client(error))
            }
        }
    }

    /// Starts leaving the group. None when it was left before.
    fn leave(&mut self) -> Option<Pending<()>> {
        let client = self.client.take()?;
        abandon_rebalance(&client, &self.subscription.topic, self.step.take());
        spawn_blocking("kafka-leave", move || leave(client)).ok()
    }
}

/// Whether an error is obsolete once records arrive again.
fn is_transient(error: &KafkaError) -> bool {
    let transient =
        |code| matches!(classify(code), (Retry::Transient, cause) if cause != Cause::UnknownTopic);
    !matches!(error, KafkaError::MessageConsumptionFatal(_))
        && error.rdkafka_error_code().is_none_or(transient)
}

impl Consumer for KafkaConsumer {
    async fn poll(&mut self, events: &mut Vec<Event>, max: usize) -> Result<(), LogError> {
        // A full topic is always ready: without this, other tasks of the thread would starve.
        tokio::task::coop::consume_budget().await;
        loop {
            if let Some(code) = self.refused {
                return Err(from_code(code));
            }
            let before = events.len();
            if self.renewal_due {
                self.renew(events).await?;
            }
            self.apply_backpressure()?;
            let client = self.client()?;
            if self.step.is_some() || self.backpressure.is_paused {
                // A rebalance may be queued behind records: without waiting, take what is there.
                let mut unwoken = Context::from_waker(Waker::noop());
                if let Poll::Ready(advance) = self.advance(&client, &mut client.stream(), &mut unwoken) {
                    self.react(advance)?;
                }
            }
            self.complete_rebalance(&client, events).await?;
            if events.len() > before || self.deliver(events, max) {
                return Ok(());
            }
            // The stream owns the waker, so it has to live as long as this waits.
            let mut messages = client.stream();
            let advance = poll_fn(|cx| self.advance(&client, &mut messages, cx)).await;
            self.react(advance)?;
        }
    }

    fn store(&mut self, partition: i32, commit: Commit) {
        self.assignment.store(partition, commit);
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        self.commit_stored(ROUTINE_COMMIT_PATIENCE, |_| true).await
    }

    fn pause(&mut self) -> Result<(), LogError> {
        self.paused = true;
        let partitions = self.assigned()?;
        self.client()?.pause(&partitions).map_err(from_client)
    }

    fn resume(&mut self) -> Result<(), LogError> {
        self.paused = false;
        if self.backpressure.is_paused {
            return Ok(());
        }
        let partitions = self.assigned()?;
        self.client()?.resume(&partitions).map_err(from_client)
    }

    fn progress(&self) -> Vec<Progress> {
        self.assignment.progress()
    }

    fn partitions(&self) -> Option<u32> {
        self.partition_count
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        self.buffers.give_back(buffer);
    }

    async fn close(mut self) -> Result<(), LogError> {
        let committed = self.commit_stored(LEAVE_PATIENCE, |_| true).await;
        if let Some(left) = self.leave()
            && timeout(LEAVE_PATIENCE, left).await.is_err()
        {
            tracing::warn!(
                "the group coordinator does not answer; it will remove this member when the session times out"
            );
        }
        committed
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.leave();
    }
}
