//! Rebalances: commit before revoking, find the starting offsets before assigning. And commits, which both need.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use tokio::time::{Instant, timeout_at};

use super::assignment::PendingCommit;
use super::blocking::{Pending, spawn_blocking};
use super::consumer::KafkaConsumer;
use super::context::{Rebalance, assign, unassign};
use super::error::{from_client, from_code, timed_out};
use super::starting_offsets::{StartingPoints, commit_list, find, list_of};
use super::subscription::GroupClient;
use crate::log::{AssignedPartition, Event, LogError};

/// How long the last commit of revoked partitions may take.
pub(super) const COMMIT_PATIENCE: Duration = Duration::from_secs(5);
/// How long any other commit may take: the loop neither reads nor writes meanwhile. A slower one continues in the
/// background, and the next commit checks whether it was answered.
pub(super) const ROUTINE_COMMIT_PATIENCE: Duration = Duration::from_secs(1);

/// A rebalance in progress.
pub(super) enum Step {
    /// Partitions to assign, once their starting offsets are known.
    Assign { partitions: Vec<i32>, answer: Option<Pending<KafkaResult<StartingPoints>>> },
    /// Partitions to revoke, once what is stored of them is committed.
    Revoke { partitions: Vec<i32>, lost: bool },
}

impl From<Rebalance> for Step {
    fn from(rebalance: Rebalance) -> Self {
        match rebalance {
            Rebalance::Assign(partitions) => Self::Assign { partitions, answer: None },
            Rebalance::Revoke { partitions, lost } => Self::Revoke { partitions, lost },
        }
    }
}

/// A commit in flight.
pub(super) struct CommitInFlight {
    commits: Vec<PendingCommit>,
    answer: Pending<KafkaResult<()>>,
    since: Instant,
}

impl KafkaConsumer {
    /// Completes the rebalance that the group asks for, if any, and reports it in `events`.
    ///
    /// # Errors
    /// When the starting offsets cannot be read for now. The next call retries.
    pub(super) async fn complete_rebalance(
        &mut self,
        client: &GroupClient,
        events: &mut Vec<Event>,
    ) -> Result<(), LogError> {
        // A later rebalance replaces an earlier one that was not completed.
        while let Some(rebalance) = client.context().next_rebalance() {
            self.step = Some(rebalance.into());
        }
        match &mut self.step {
            None => Ok(()),
            Some(Step::Assign { .. }) => {
                let starting_points = self.find_starting_points().await?;
                self.step = None;
                self.assign(client, starting_points, events)
            }
            Some(Step::Revoke { partitions, lost }) => {
                let (partitions, lost) = (partitions.clone(), *lost);
                if !lost
                    && let Err(error) =
                        self.commit_stored(COMMIT_PATIENCE, |given| partitions.contains(&given)).await
                {
                    tracing::warn!(%error, "the commit before a revocation failed: some records will be read again");
                }
                self.step = None;
                self.revoke(client, partitions, events)
            }
        }
    }

    async fn find_starting_points(&mut self) -> Result<StartingPoints, LogError> {
        let client = self.client()?;
        let Some(Step::Assign { partitions, answer }) = &mut self.step else {
            return Err(from_code(RDKafkaErrorCode::State));
        };
        if partitions.is_empty() {
            return Ok(StartingPoints::default());
        }
        let pending = match answer {
            Some(pending) => pending,
            None => {
                let (topic, partitions) = (self.subscription.topic.clone(), partitions.clone());
                let starting_offsets = self.subscription.starting_offsets;
                answer.insert(spawn_blocking("kafka-offsets", move || {
                    find(&*client, &topic, &partitions, starting_offsets, now())
                })?)
            }
        };
        let found = pending.await;
        *answer = None;
        match found {
            Ok(found) => found.map_err(from_client),
            Err(_) => Err(from_code(RDKafkaErrorCode::Fail)),
        }
    }

    fn assign(
        &mut self,
        client: &GroupClient,
        StartingPoints { list, first_start, mut metadata }: StartingPoints,
        events: &mut Vec<Event>,
    ) -> Result<(), LogError> {
        assign(client, &list).map_err(from_client)?;
        self.first_start = self.first_start.or(first_start);
        let mut partitions = Vec::with_capacity(list.count());
        for element in list.elements() {
            if let Offset::Offset(start) = element.offset() {
                let partition = element.partition();
                let metadata = metadata.remove(&partition).unwrap_or_default();
                let assigned = AssignedPartition { partition, metadata };
                self.assignment.add(assigned.clone(), start);
                partitions.push(assigned);
            }
        }
        // librdkafka keeps a partition paused across assignments.
        let switched = if self.paused || self.backpressure.is_paused {
            client.pause(&list)
        } else {
            client.resume(&list)
        };
        switched.map_err(from_client)?;
        if !partitions.is_empty() {
            self.missing_topic = None;
        }
        self.request_topic_state();
        events.push(Event::Assigned(partitions));
        Ok(())
    }

    fn revoke(
        &mut self,
        client: &GroupClient,
        partitions: Vec<i32>,
        events: &mut Vec<Event>,
    ) -> Result<(), LogError> {
        let list = list_of(&self.subscription.topic, &partitions, Offset::Invalid).map_err(from_client)?;
        let unassigned = unassign(client, &list).map_err(from_client);
        for partition in &partitions {
            self.assignment.remove(*partition);
        }
        self.ready.retain(|record| !partitions.contains(&record.partition));
        events.push(Event::Revoked(partitions));
        unassigned
    }

    /// Commits what is stored of some partitions, and waits for the reply until the commit is `patience` old. The age
    /// counts from the start of the commit, because a call may be dropped and repeated many times meanwhile.
    pub(super) async fn commit_stored(
        &mut self,
        patience: Duration,
        which: impl Fn(i32) -> bool,
    ) -> Result<(), LogError> {
        // The commit of a dropped call comes first: one of two concurrent commits could overtake the other.
        self.finish_commit(patience).await?;
        let mut commits = self.assignment.uncommitted();
        commits.retain(|commit| which(commit.partition));
        if commits.is_empty() {
            return Ok(());
        }
        let client = self.client()?;
        let list = commit_list(&self.subscription.topic, &commits, self.first_start).map_err(from_client)?;
        let answer = spawn_blocking("kafka-commit", move || client.commit(&list, CommitMode::Sync))?;
        self.commit = Some(CommitInFlight { commits, answer, since: Instant::now() });
        self.finish_commit(patience).await
    }

    async fn finish_commit(&mut self, patience: Duration) -> Result<(), LogError> {
        let Some(commit) = &mut self.commit else { return Ok(()) };
        let Ok(answer) = timeout_at(commit.since + patience, &mut commit.answer).await else {
            return Err(timed_out("a commit"));
        };
        let commits = std::mem::take(&mut commit.commits);
        self.commit = None;
        match answer {
            Ok(Ok(())) => {
                self.assignment.committed(&commits);
                Ok(())
            }
            Ok(Err(error)) => Err(from_client(error)),
            Err(_) => Err(from_code(RDKafkaErrorCode::Fail)),
        }
    }
}

/// Completes open rebalances by giving up all partitions, so that the client can be closed: closing waits for them.
pub(super) fn abandon_rebalance(client: &GroupClient, topic: &str, step: Option<Step>) {
    let mut open = step;
    while let Some(rebalance) = client.context().next_rebalance() {
        open = Some(rebalance.into());
    }
    client.context().begin_closing();
    let completed = match open {
        None => Ok(()),
        Some(Step::Assign { .. }) => assign(client, &TopicPartitionList::new()),
        Some(Step::Revoke { partitions, .. }) => {
            list_of(topic, &partitions, Offset::Invalid).and_then(|list| unassign(client, &list))
        }
    };
    if let Err(error) = completed {
        tracing::debug!(%error, "a rebalance could not be completed before the group was left");
    }
}

/// Milliseconds since the Unix epoch.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
