//! Answering the group: commit before giving up, find the place before beginning. And commits, which both need.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::{Instant, timeout_at};

use super::super::{Event, LogError};
use super::blocking::{Answer, off_thread};
use super::consumer::KafkaConsumer;
use super::context::{Rebalance, assign, unassign};
use super::errors::{from_client, from_code, timed_out};
use super::starting_offsets::{Beginning, commit_list, find, list_of};
use super::subscription::GroupClient;

/// How long the last commit of partitions is waited for before they are given up.
pub(super) const COMMIT_PATIENCE: Duration = Duration::from_secs(5);
/// How long any other commit is waited for: nothing is read and nothing is written meanwhile. One that takes longer goes on
/// by itself, and the next looks whether it was answered.
pub(super) const ROUTINE_COMMIT_PATIENCE: Duration = Duration::from_secs(1);

/// A rebalance that is being answered.
pub(super) enum Step {
    /// To begin with partitions, once it is known where.
    Begin { partitions: Vec<i32>, answer: Option<Answer<KafkaResult<Beginning>>> },
    /// To give partitions up, once what is stored of them is committed.
    GiveUp { partitions: Vec<i32>, lost: bool },
}

impl From<Rebalance> for Step {
    fn from(rebalance: Rebalance) -> Self {
        match rebalance {
            Rebalance::Assign(partitions) => Self::Begin { partitions, answer: None },
            Rebalance::Revoke { partitions, lost } => Self::GiveUp { partitions, lost },
        }
    }
}

/// A commit that is under way.
pub(super) struct CommitInFlight {
    offsets: Vec<(i32, i64)>,
    answer: Answer<KafkaResult<()>>,
    since: Instant,
}

impl KafkaConsumer {
    /// Answers what the group asks, if it asks anything, and tells so in `events`.
    ///
    /// # Errors
    /// When the place to begin cannot be found out for now. The next call tries again.
    pub(super) async fn settle(
        &mut self,
        client: &GroupClient,
        events: &mut Vec<Event>,
    ) -> Result<(), LogError> {
        // A later question makes an earlier one void that could not be answered.
        while let Some(rebalance) = client.context().next_rebalance() {
            self.step = Some(rebalance.into());
        }
        match &mut self.step {
            None => Ok(()),
            Some(Step::Begin { .. }) => {
                let beginning = self.find_beginning().await?;
                self.step = None;
                self.begin(client, &beginning, events)
            }
            Some(Step::GiveUp { partitions, lost }) => {
                let (partitions, lost) = (partitions.clone(), *lost);
                if !lost
                    && let Err(error) =
                        self.commit_stored(COMMIT_PATIENCE, |given| partitions.contains(&given)).await
                {
                    tracing::warn!(%error, "offsets could not be committed before partitions were given up; some records will be read again");
                }
                self.step = None;
                self.give_up(client, partitions, events)
            }
        }
    }

    async fn find_beginning(&mut self) -> Result<Beginning, LogError> {
        let client = self.client()?;
        let Some(Step::Begin { partitions, answer }) = &mut self.step else {
            return Err(from_code(RDKafkaErrorCode::State));
        };
        if partitions.is_empty() {
            return Ok(Beginning { list: TopicPartitionList::new(), first_start: None });
        }
        let pending = match answer {
            Some(pending) => pending,
            None => {
                let (topic, partitions) = (self.subscription.topic.clone(), partitions.clone());
                let starting_offsets = self.subscription.starting_offsets;
                answer.insert(off_thread("kafka-offsets", move || {
                    find(&*client, &topic, &partitions, starting_offsets, now())
                })?)
            }
        };
        let found = pending.await;
        *answer = None;
        match found {
            Ok(beginning) => beginning.map_err(from_client),
            Err(_) => Err(from_code(RDKafkaErrorCode::Fail)),
        }
    }

    fn begin(
        &mut self,
        client: &GroupClient,
        beginning: &Beginning,
        events: &mut Vec<Event>,
    ) -> Result<(), LogError> {
        assign(client, &beginning.list).map_err(from_client)?;
        self.first_start = self.first_start.or(beginning.first_start);
        let mut partitions = Vec::with_capacity(beginning.list.count());
        for element in beginning.list.elements() {
            if let Offset::Offset(start) = element.offset() {
                self.assignment.add(element.partition(), start);
                partitions.push(element.partition());
            }
        }
        // The client remembers what was paused of a partition that was given up, also when it comes back much later.
        let switched = if self.paused || self.hold.is_on {
            client.pause(&beginning.list)
        } else {
            client.resume(&beginning.list)
        };
        switched.map_err(from_client)?;
        if !partitions.is_empty() {
            self.missing_topic = None;
        }
        self.ask_watermarks();
        events.push(Event::Assigned(partitions));
        Ok(())
    }

    fn give_up(
        &mut self,
        client: &GroupClient,
        partitions: Vec<i32>,
        events: &mut Vec<Event>,
    ) -> Result<(), LogError> {
        let list = list_of(&self.subscription.topic, &partitions, Offset::Invalid).map_err(from_client)?;
        let answered = unassign(client, &list).map_err(from_client);
        for partition in &partitions {
            self.assignment.remove(*partition);
        }
        self.ready.retain(|record| !partitions.contains(&record.partition));
        events.push(Event::Revoked(partitions));
        answered
    }

    /// Commits what is stored of some partitions, and waits for the reply until a commit is as old as `patience`: measured
    /// from its own start, because a call may be dropped and made again many times meanwhile.
    pub(super) async fn commit_stored(
        &mut self,
        patience: Duration,
        which: impl Fn(i32) -> bool,
    ) -> Result<(), LogError> {
        // What a dropped call left under way comes first: two commits at once could overtake each other.
        self.finish_commit(patience).await?;
        let mut offsets = self.assignment.uncommitted();
        offsets.retain(|(partition, _)| which(*partition));
        if offsets.is_empty() {
            return Ok(());
        }
        let client = self.client()?;
        let list = commit_list(&self.subscription.topic, &offsets, self.first_start).map_err(from_client)?;
        let answer = off_thread("kafka-commit", move || client.commit(&list, CommitMode::Sync))?;
        self.commit = Some(CommitInFlight { offsets, answer, since: Instant::now() });
        self.finish_commit(patience).await
    }

    async fn finish_commit(&mut self, patience: Duration) -> Result<(), LogError> {
        let Some(commit) = &mut self.commit else { return Ok(()) };
        let Ok(answer) = timeout_at(commit.since + patience, &mut commit.answer).await else {
            return Err(timed_out("a commit"));
        };
        let offsets = std::mem::take(&mut commit.offsets);
        self.commit = None;
        match answer {
            Ok(Ok(())) => {
                self.assignment.committed(&offsets);
                Ok(())
            }
            Ok(Err(error)) => Err(from_client(error)),
            Err(_) => Err(from_code(RDKafkaErrorCode::Fail)),
        }
    }
}

/// Answers the questions of the group that are open, by giving up, so that the client can be closed: it waits for the
/// answers.
pub(super) fn abandon_rebalance(client: &GroupClient, topic: &str, step: Option<Step>) {
    let mut open = step;
    while let Some(rebalance) = client.context().next_rebalance() {
        open = Some(rebalance.into());
    }
    client.context().begin_closing();
    let answered = match open {
        None => Ok(()),
        Some(Step::Begin { .. }) => assign(client, &TopicPartitionList::new()),
        Some(Step::GiveUp { partitions, .. }) => {
            list_of(topic, &partitions, Offset::Invalid).and_then(|list| unassign(client, &list))
        }
    };
    if let Err(error) = answered {
        tracing::debug!(%error, "a rebalance could not be answered while the group was left");
    }
}

/// Milliseconds since the Unix epoch.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
