//! A member of a consumer group of the embedded log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use userstream_crds::identifier::{GroupId, TopicName};
use userstream_crds::starting_offsets::StartingOffsets;

use super::group_offsets::{self, Committed};
use super::shared::{GroupKey, Membership};
use super::starting_points::starting_points;
use super::store::{self, TopicNumber};
use super::{Inner, unknown_topic};
use crate::log::{AssignedPartition, Commit, CommitMetadata, Consumer, Event, LogError, Progress};

/// How often a waiting consumer checks for appends of other processes. Those of this process wake it.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes of records that one poll reads, at most (plus one record).
const MAX_POLL_BYTES: usize = 4 << 20;

/// A member of a consumer group on one topic of the embedded log.
///
/// Dropped without [`close`](Consumer::close), it leaves the group and commits nothing, as after a crash.
#[derive(Debug)]
pub struct EmbeddedConsumer {
    inner: Arc<Inner>,
    membership: Membership,
    changes: watch::Receiver<()>,
    starting: StartingOffsets,
    /// Known from the first poll that found the topic.
    topic: Option<TopicNumber>,
    assigned: BTreeMap<i32, PartitionState>,
    paused: bool,
    /// The partition that the next poll reads first, so that a busy one does not starve the others.
    first: i32,
}

/// The progress in one partition.
#[derive(Debug, Clone)]
struct PartitionState {
    /// The offset to read next.
    next: i64,
    committed: i64,
    stored: Option<i64>,
    /// Committed with every offset.
    metadata: CommitMetadata,
    metadata_changed: bool,
}

impl PartitionState {
    fn new(committed: Committed) -> Self {
        let Committed { offset, metadata } = committed;
        Self { next: offset, committed: offset, stored: None, metadata, metadata_changed: false }
    }

    /// What is stored and not yet committed.
    fn uncommitted(&self) -> Option<Committed> {
        let offset = self.stored.unwrap_or(self.committed);
        let changed = offset != self.committed || self.metadata_changed;
        changed.then(|| Committed { offset, metadata: self.metadata.clone() })
    }
}

impl EmbeddedConsumer {
    pub(super) fn join(
        inner: Arc<Inner>,
        topic: &TopicName,
        group: &GroupId,
        starting: StartingOffsets,
    ) -> Self {
        let key = GroupKey { topic: topic.as_str().into(), group: group.as_str().into() };
        let changes = inner.shared.changes();
        let membership = Membership::join(&inner.shared, key);
        Self {
            inner,
            membership,
            changes,
            starting,
            topic: None,
            assigned: BTreeMap::new(),
            paused: false,
            first: 0,
        }
    }

    /// Reads the number of partitions and their end offsets.
    async fn refresh(&mut self) -> Result<TopicNumber, LogError> {
        let name = self.membership.key.topic.clone();
        let found = self
            .inner
            .call(move |connection| {
                let Some(number) = store::topic_number(connection, &name)? else { return Ok(None) };
                Ok(Some((number, store::end_offsets(connection, number)?)))
            })
            .await?;
        let topic = &self.membership.key.topic;
        let (number, end_offsets) = found.ok_or_else(|| unknown_topic(topic))?;
        self.inner.shared.set_end_offsets(topic, &end_offsets);
        self.topic = Some(number);
        Ok(number)
    }

    /// Releases partitions that another member is to own, after committing what is stored for them.
    async fn release(&mut self, topic: TopicNumber, events: &mut Vec<Event>) -> Result<(), LogError> {
        let partitions = self.membership.with_group(|group, member| group.to_release(member));
        if partitions.is_empty() {
            return Ok(());
        }
        self.commit_stored(topic, |partition| partitions.contains(&partition)).await?;
        self.membership.with_group(|group, member| group.release(member, &partitions));
        self.assigned.retain(|partition, _| !partitions.contains(partition));
        events.push(Event::Revoked(partitions));
        Ok(())
    }

    /// Claims partitions that this member is to own and that have no owner.
    async fn claim(&mut self, topic: TopicNumber, events: &mut Vec<Event>) -> Result<(), LogError> {
        let (partitions, generation) =
            self.membership.with_group(|group, member| (group.to_claim(member), group.generation()));
        if partitions.is_empty() {
            return Ok(());
        }
        let group = self.membership.key.group.clone();
        let starting = self.starting;
        let claimed = partitions.clone();
        let committed = self
            .inner
            .call(move |connection| starting_points(connection, &group, topic, &claimed, starting))
            .await?;
        // After a concurrent change of the group, which also wakes this consumer, the next iteration retries.
        if self.membership.with_group(|group, member| group.claim(member, &partitions, generation)) {
            let mut assigned = Vec::with_capacity(committed.len());
            for (partition, committed) in committed {
                assigned.push(AssignedPartition { partition, metadata: committed.metadata.clone() });
                self.assigned.insert(partition, PartitionState::new(committed));
            }
            events.push(Event::Assigned(assigned));
        }
        Ok(())
    }

    /// Appends at most `max` records to the events, from all partitions in rotation.
    async fn fetch(
        &mut self,
        topic: TopicNumber,
        events: &mut Vec<Event>,
        max: usize,
    ) -> Result<(), LogError> {
        let shared = &self.inner.shared;
        let name = &self.membership.key.topic;
        let mut waiting: Vec<(i32, i64)> = self
            .assigned
            .iter()
            .filter(|(partition, state)| {
                shared.end_offset(name, **partition).is_some_and(|end| state.next < end)
            })
            .map(|(partition, state)| (*partition, state.next))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let first = waiting.iter().position(|(partition, _)| *partition >= self.first).unwrap_or_default();
        waiting.rotate_left(first);
        let second = waiting.get(1).map(|(partition, _)| *partition);
        let records = self
            .inner
            .call(move |connection| {
                let mut records = Vec::new();
                let mut bytes = MAX_POLL_BYTES;
                let share = max.div_ceil(waiting.len());
                for position in waiting {
                    let max = max.min(records.len() + share);
                    store::read(connection, topic, position, max, &mut bytes, &mut records)?;
                }
                Ok(records)
            })
            .await?;
        self.first = second.unwrap_or_default();
        for record in records {
            if let Some(state) = self.assigned.get_mut(&record.partition) {
                state.next = record.offset + 1;
            }
            events.push(Event::Record(record));
        }
        Ok(())
    }

    /// Commits what is stored for some of the partitions.
    async fn commit_stored(
        &mut self,
        topic: TopicNumber,
        chosen: impl Fn(i32) -> bool,
    ) -> Result<(), LogError> {
        let commits: Vec<(i32, Committed)> = self
            .assigned
            .iter()
            .filter(|(partition, _)| chosen(**partition))
            .filter_map(|(partition, state)| Some((*partition, state.uncommitted()?)))
            .collect();
        if commits.is_empty() {
            return Ok(());
        }
        let group = self.membership.key.group.clone();
        let committed = commits.clone();
        self.inner
            .call(move |connection| group_offsets::commit(connection, &group, topic, &committed))
            .await?;
        for (partition, commit) in commits {
            if let Some(state) = self.assigned.get_mut(&partition) {
                state.committed = commit.offset;
                state.metadata_changed &= state.metadata != commit.metadata;
            }
        }
        Ok(())
    }
}

impl Consumer for EmbeddedConsumer {
    async fn poll(&mut self, events: &mut Vec<Event>, max: usize) -> Result<(), LogError> {
        let before = events.len();
        let limit = before.saturating_add(max.max(1));
        loop {
            self.changes.mark_unchanged();
            let topic = match self.topic {
                Some(topic) => topic,
                None => self.refresh().await?,
            };
            let partitions = self.inner.shared.partitions(&self.membership.key.topic);
            self.membership.with_group(|group, _| group.grow(partitions));
            // Each step awaits before it takes anything: a call that is dropped loses nothing, and what was taken is
            // already among the events.
            self.release(topic, events).await?;
            if events.len() < limit {
                self.claim(topic, events).await?;
            }
            if events.len() == before && !self.paused {
                self.fetch(topic, events, limit - before).await?;
            }
            if events.len() > before {
                return Ok(());
            }
            if tokio::time::timeout(POLL_INTERVAL, self.changes.changed()).await.is_err() {
                self.refresh().await?;
            }
        }
    }

    fn store(&mut self, partition: i32, commit: Commit) {
        let Some(state) = self.assigned.get_mut(&partition) else { return };
        state.stored = Some(commit.offset);
        if let Some(metadata) = commit.metadata {
            state.metadata_changed |= state.metadata != metadata;
            state.metadata = metadata;
        }
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        match self.topic {
            Some(topic) => self.commit_stored(topic, |_| true).await,
            None => Ok(()),
        }
    }

    fn pause(&mut self) -> Result<(), LogError> {
        self.paused = true;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), LogError> {
        self.paused = false;
        Ok(())
    }

    fn progress(&self) -> Vec<Progress> {
        let end = |partition| self.inner.shared.end_offset(&self.membership.key.topic, partition);
        let progress = |(partition, state): (&i32, &PartitionState)| Progress {
            partition: *partition,
            position: state.next,
            committed: Some(state.committed),
            high_watermark: end(*partition),
        };
        self.assigned.iter().map(progress).collect()
    }

    fn partitions(&self) -> Option<u32> {
        let known = self.inner.shared.partitions(&self.membership.key.topic);
        u32::try_from(known).ok().filter(|count| *count > 0)
    }

    async fn close(mut self) -> Result<(), LogError> {
        // Dropping the membership leaves the group, whether or not the commit succeeds.
        self.commit().await
    }
}
