//! The reading side of the embedded log: one member of a consumer group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use userstream_crds::identifier::{GroupId, TopicName};
use userstream_crds::starting_offsets::StartingOffsets;

use super::shared::{GroupKey, Membership};
use super::store::{self, TopicNumber};
use super::{Inner, unknown_topic};
use crate::log::{Consumer, Event, LogError, Progress};

/// How often a waiting consumer looks for what other processes appended; those of its own process wake it.
const LOOK_FOR_OTHERS: Duration = Duration::from_millis(250);
/// How many bytes of records one poll takes at most (one record more).
const BYTES_PER_POLL: usize = 4 << 20;

/// A member of a consumer group on one topic of the embedded log.
///
/// Dropped without [`close`](Consumer::close), it leaves the group and commits nothing, as a crash would.
#[derive(Debug)]
pub struct EmbeddedConsumer {
    inner: Arc<Inner>,
    membership: Membership,
    changes: watch::Receiver<()>,
    starting: StartingOffsets,
    /// Known from the first poll that found the topic.
    topic: Option<TopicNumber>,
    assigned: BTreeMap<i32, Place>,
    paused: bool,
    /// The partition that is read first by the next poll, so that a busy one does not hold up the others.
    first: i32,
}

/// Where a consumer stands in a partition.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The offset to read next.
    next: i64,
    committed: i64,
    stored: Option<i64>,
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

    /// Reads how many partitions there are and where they end.
    async fn look(&mut self) -> Result<TopicNumber, LogError> {
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
        self.inner.shared.note_end_offsets(topic, &end_offsets);
        self.topic = Some(number);
        Ok(number)
    }

    /// Lets go of partitions that another member is to have, after committing what is stored for them.
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

    /// Takes partitions that this member is to have and nobody owns.
    async fn claim(&mut self, topic: TopicNumber, events: &mut Vec<Event>) -> Result<(), LogError> {
        let (partitions, generation) =
            self.membership.with_group(|group, member| (group.to_claim(member), group.generation()));
        if partitions.is_empty() {
            return Ok(());
        }
        let group = self.membership.key.group.clone();
        let starting = self.starting;
        let wanted = partitions.clone();
        let committed = self
            .inner
            .call(move |connection| starting_places(connection, &group, topic, &wanted, starting))
            .await?;
        // When something overtook, the change has woken this consumer, and the next round tries again.
        if self.membership.with_group(|group, member| group.claim(member, &partitions, generation)) {
            for (partition, committed) in committed {
                self.assigned.insert(partition, Place { next: committed, committed, stored: None });
            }
            events.push(Event::Assigned(partitions));
        }
        Ok(())
    }

    /// Puts at most `most` records behind the events, the partitions in turn.
    async fn fetch(
        &mut self,
        topic: TopicNumber,
        events: &mut Vec<Event>,
        most: usize,
    ) -> Result<(), LogError> {
        let shared = &self.inner.shared;
        let name = &self.membership.key.topic;
        let mut waiting: Vec<(i32, i64)> = self
            .assigned
            .iter()
            .filter(|(partition, place)| {
                shared.end_offset(name, **partition).is_some_and(|end| place.next < end)
            })
            .map(|(partition, place)| (*partition, place.next))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let turn = waiting.iter().position(|(partition, _)| *partition >= self.first).unwrap_or_default();
        waiting.rotate_left(turn);
        let second = waiting.get(1).map(|(partition, _)| *partition);
        let records = self
            .inner
            .call(move |connection| {
                let mut records = Vec::new();
                let mut bytes = BYTES_PER_POLL;
                let share = most.div_ceil(waiting.len());
                for place in waiting {
                    let most = most.min(records.len() + share);
                    store::read(connection, topic, place, most, &mut bytes, &mut records)?;
                }
                Ok(records)
            })
            .await?;
        self.first = second.unwrap_or_default();
        for record in records {
            if let Some(place) = self.assigned.get_mut(&record.partition) {
                place.next = record.offset + 1;
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
        let offsets: Vec<(i32, i64)> = self
            .assigned
            .iter()
            .filter(|(partition, _)| chosen(**partition))
            .filter_map(|(partition, place)| {
                Some((*partition, place.stored.filter(|at| *at != place.committed)?))
            })
            .collect();
        if offsets.is_empty() {
            return Ok(());
        }
        let group = self.membership.key.group.clone();
        let committed = offsets.clone();
        self.inner.call(move |connection| store::commit(connection, &group, topic, &committed)).await?;
        for (partition, offset) in offsets {
            if let Some(place) = self.assigned.get_mut(&partition) {
                place.committed = offset;
            }
        }
        Ok(())
    }
}

impl Consumer for EmbeddedConsumer {
    async fn poll(&mut self, events: &mut Vec<Event>, most: usize) -> Result<(), LogError> {
        let before = events.len();
        let limit = before.saturating_add(most.max(1));
        loop {
            self.changes.mark_unchanged();
            let topic = match self.topic {
                Some(topic) => topic,
                None => self.look().await?,
            };
            let partitions = self.inner.shared.partitions(&self.membership.key.topic);
            self.membership.with_group(|group, _| group.grow(partitions));
            // Each of these waits before it takes anything, and then takes it without waiting: nothing is lost when
            // the call is dropped, and what was taken is already among the events.
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
            if tokio::time::timeout(LOOK_FOR_OTHERS, self.changes.changed()).await.is_err() {
                self.look().await?;
            }
        }
    }

    fn store(&mut self, partition: i32, offset: i64) {
        if let Some(place) = self.assigned.get_mut(&partition) {
            place.stored = Some(offset);
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
        let progress = |(partition, place): (&i32, &Place)| Progress {
            partition: *partition,
            position: place.next,
            committed: Some(place.committed),
            high_watermark: end(*partition),
        };
        self.assigned.iter().map(progress).collect()
    }

    async fn close(mut self) -> Result<(), LogError> {
        // Leaving the group is the membership's drop, whether the commit succeeded or not.
        self.commit().await
    }
}

/// The committed offset of each partition. Where there is none yet, the starting offset is committed first: `Latest`
/// means the end at the first start, also when the process dies before it has committed anything else.
fn starting_places(
    connection: &mut rusqlite::Connection,
    group: &str,
    topic: TopicNumber,
    partitions: &[i32],
    starting: StartingOffsets,
) -> Result<Vec<(i32, i64)>, rusqlite::Error> {
    let mut places = Vec::with_capacity(partitions.len());
    let mut first_starts = Vec::new();
    for partition in partitions {
        let offset = match store::committed(connection, group, topic, *partition)? {
            Some(committed) => committed,
            None => {
                let timestamp = match starting {
                    StartingOffsets::Earliest => i64::MIN,
                    StartingOffsets::Latest => i64::MAX,
                    StartingOffsets::Time(time) => time.as_millisecond(),
                };
                let offset = store::offset_at(connection, topic, *partition, timestamp)?;
                first_starts.push((*partition, offset));
                offset
            }
        };
        places.push((*partition, offset));
    }
    if !first_starts.is_empty() {
        store::commit(connection, group, topic, &first_starts)?;
    }
    Ok(places)
}
