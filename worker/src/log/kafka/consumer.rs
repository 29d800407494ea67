//! Reading a topic in a consumer group.
//!
//! One thread drives it. What librdkafka has fetched is taken in gulps and handed out from there, so that a call that
//! asks for one record costs no trip into the client. Calls that ask a broker run on threads of their own (see
//! [`off_thread`](super::blocking)); everything that is under way is kept in the consumer, not in a future, so that a
//! poll that is dropped loses nothing.
//!
//! # Where reading begins
//! Offsets are always set explicitly, and an offset that the topic no longer has is an error: a silent jump to either end
//! would lose or repeat records without anybody noticing.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::Stream;
use rdkafka::consumer::{Consumer as _, MessageStream};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::{Instant, Interval, MissedTickBehavior, timeout};
use userstream_crds::model::Pipeline;

use super::super::{Consumer, Event, LogError, Progress};
use super::assignment::Assignment;
use super::backpressure::Hold;
use super::blocking::{Answer, off_thread};
use super::buffer_pool::Buffers;
use super::client_config::OpenError;
use super::context::GroupContext;
use super::errors::{Nature, from_client, from_code, judge};
use super::maintenance::MissingTopic;
use super::rebalance::{CommitInFlight, ROUTINE_COMMIT_PATIENCE, Step, abandon_rebalance};
use super::starting_offsets::Watermarks;
use super::subscription::{Assignor, GroupClient, Subscription};
use crate::record::LogRecord;
use crate::security::credentials::{CredentialSource, CredentialWatch};

/// How many records are taken from the client at once.
const GULP: usize = 256;
/// How often high watermarks are asked for, and whatever else needs a look now and then.
const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// How long leaving the group may take: a broker that is away is not waited for.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// A member of the pipeline's consumer group.
pub struct KafkaConsumer {
    pub(super) subscription: Subscription,
    pub(super) credentials: CredentialWatch,
    /// The client has to make room for a new one: its credentials are old, or it failed for good.
    pub(super) renewal_due: bool,
    pub(super) client: Option<Arc<GroupClient>>,
    pub(super) assignment: Assignment,
    /// Records taken from the client and not yet handed out.
    pub(super) ready: VecDeque<LogRecord>,
    buffers: Buffers,
    pub(super) paused: bool,
    pub(super) hold: Hold,
    /// The rebalance that is being answered.
    pub(super) step: Option<Step>,
    /// The commit that is under way, also when nobody waits for it any more.
    pub(super) commit: Option<CommitInFlight>,
    /// When the group first started, to go with every commit.
    pub(super) first_start: Option<i64>,
    pub(super) watermarks: Option<Answer<Watermarks>>,
    housekeeping: Interval,
    pub(super) missing_topic: Option<MissingTopic>,
    /// The error that nothing but somebody's intervention ends.
    pub(super) refused: Option<RDKafkaErrorCode>,
}

/// What [`KafkaConsumer::advance`] came back with.
enum Advance {
    /// Records to hand out, or a rebalance to answer.
    Ready,
    /// Time to look after things.
    Housekeeping,
    /// The client reported an error.
    Failed(KafkaError),
}

impl KafkaConsumer {
    /// Joins the pipeline's consumer group on its topic. Returns at once; the first [`Event::Assigned`] says that the
    /// group was joined. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When credentials are missing or the client refuses its settings, for example a certificate that is none. Brokers
    /// that cannot be reached are an error of [`poll`](Consumer::poll), not of this.
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
        let mut housekeeping = tokio::time::interval_at(Instant::now() + HOUSEKEEPING, HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            subscription,
            credentials,
            renewal_due: false,
            client: Some(Arc::new(client)),
            assignment: Assignment::default(),
            ready: VecDeque::new(),
            buffers: Buffers::default(),
            paused: false,
            hold: Hold::default(),
            step: None,
            commit: None,
            first_start: None,
            watermarks: None,
            housekeeping,
            missing_topic: None,
            refused: None,
        })
    }

    /// The client. There is one until the consumer is closed.
    pub(super) fn client(&self) -> Result<Arc<GroupClient>, LogError> {
        self.client.clone().ok_or_else(|| from_code(RDKafkaErrorCode::DestroyBroker))
    }

    /// Goes on until there is something to do. What it takes from the client is kept in `self`.
    fn advance(
        &mut self,
        client: &GroupClient,
        messages: &mut MessageStream<'_, GroupContext>,
        cx: &mut Context<'_>,
    ) -> Poll<Advance> {
        if self.housekeeping.poll_tick(cx).is_ready() {
            return Poll::Ready(Advance::Housekeeping);
        }
        self.poll_questions(cx);
        let mut last_error = None;
        // Held back, there are none to come but what was on its way.
        while self.hold.is_on || self.ready.len() < GULP {
            match Pin::new(&mut *messages).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if self.assignment.accept(message.partition(), message.offset()) {
                        let record = self.buffers.read(&message);
                        self.ready.push_back(record);
                    }
                }
                // While brokers are away the client queues an error for every attempt to reach them. Told one by one, they
                // would be told long after the brokers are back, and stand before the records that came since.
                Poll::Ready(Some(Err(error))) if passes(&error) => last_error = Some(error),
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
            Advance::Housekeeping => self.keep_house(),
            Advance::Failed(error) => self.failed(error).map_or(Ok(()), Err),
        }
    }

    /// Hands out records. False when there are none to hand out.
    fn deliver(&mut self, events: &mut Vec<Event>, most: usize) -> bool {
        if self.paused || self.ready.is_empty() {
            return false;
        }
        let count = most.min(self.ready.len());
        events.extend(self.ready.drain(..count).map(Event::Record));
        count > 0
    }

    /// What an error of the client means for this call. None when the client heals it by itself without anybody
    /// noticing: one broker of several that is away.
    fn failed(&mut self, error: KafkaError) -> Option<LogError> {
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            self.renewal_due = true;
        }
        let code = error.rdkafka_error_code()?;
        let (nature, cause) = judge(code);
        match (nature, cause) {
            (_, "unknown_topic") => {
                self.missing_topic.get_or_insert_with(MissingTopic::new);
                Some(LogError::Unavailable { cause, source: Box::new(error) })
            }
            (Nature::Passing, "connection" | "name_resolution" | "timed_out")
                if code != RDKafkaErrorCode::AllBrokersDown =>
            {
                None
            }
            (Nature::Passing, _) => Some(from_client(error)),
            (Nature::Lasting | Nature::Record(_), _) => {
                self.refused = Some(code);
                Some(from_client(error))
            }
        }
    }

    /// Leaves the group without waiting for it to be so. None when it was left before.
    fn leave(&mut self) -> Option<Answer<()>> {
        let client = self.client.take()?;
        abandon_rebalance(&client, &self.subscription.topic, self.step.take());
        off_thread("kafka-leave", move || leave(client)).ok()
    }
}

/// Leaves the group by dropping the client. Questions that are under way on other threads share it: it is dropped when the
/// last of them is answered, and here, so that whoever waits for this knows that the group was left.
fn leave(client: Arc<GroupClient>) {
    while Arc::strong_count(&client) > 1 {
        thread::sleep(Duration::from_millis(2));
    }
    drop(client);
}

/// Whether an error is of no consequence once records come again.
fn passes(error: &KafkaError) -> bool {
    let passing = |code| matches!(judge(code), (Nature::Passing, cause) if cause != "unknown_topic");
    !matches!(error, KafkaError::MessageConsumptionFatal(_)) && error.rdkafka_error_code().is_none_or(passing)
}

impl Consumer for KafkaConsumer {
    async fn poll(&mut self, events: &mut Vec<Event>, most: usize) -> Result<(), LogError> {
        // A full topic is always ready: without this, whoever shares the thread would starve.
        tokio::task::coop::consume_budget().await;
        loop {
            if let Some(code) = self.refused {
                return Err(from_code(code));
            }
            let before = events.len();
            if self.renewal_due {
                self.renew(events).await?;
            }
            self.hold_back()?;
            let client = self.client()?;
            if self.step.is_some() || self.hold.is_on {
                // The group may have changed its mind while it was answered, and is not kept waiting for records.
                let mut unwoken = Context::from_waker(Waker::noop());
                if let Poll::Ready(advance) = self.advance(&client, &mut client.stream(), &mut unwoken) {
                    self.react(advance)?;
                }
            }
            self.settle(&client, events).await?;
            if events.len() > before || self.deliver(events, most) {
                return Ok(());
            }
            // The stream has to live as long as it is waited for: it takes its waker with it.
            let mut messages = client.stream();
            let advance = poll_fn(|cx| self.advance(&client, &mut messages, cx)).await;
            self.react(advance)?;
        }
    }

    fn store(&mut self, partition: i32, offset: i64) {
        self.assignment.store(partition, offset);
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
        if self.hold.is_on {
            return Ok(());
        }
        let partitions = self.assigned()?;
        self.client()?.resume(&partitions).map_err(from_client)
    }

    fn progress(&self) -> Vec<Progress> {
        self.assignment.progress()
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
                "the consumer group does not answer; its coordinator will notice that this member left"
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
