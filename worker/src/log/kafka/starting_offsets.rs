//! Where to read partitions from: the committed offset, or the pipeline's starting offsets at the group's first start.
//!
//! `Latest` means the end of the topic *when the group first started*, also for a partition that was added later, or
//! whose first record arrived before the group's second member. So every commit carries the time of the first start in
//! its metadata, and a partition without a commit is read from that time on. Otherwise, records of a new partition
//! would be skipped until the consumers have discovered it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::RDKafkaErrorCode;
use userstream_crds::starting_offsets::StartingOffsets;

use super::assignment::PendingCommit;
use super::commit_metadata::StoredMetadata;
use crate::log::CommitMetadata;

/// How long each request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The topic as its leaders report it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TopicState {
    /// How many partitions the topic has.
    pub(super) partitions: u32,
    /// The high watermarks of the requested partitions.
    pub(super) high_watermarks: Vec<(i32, i64)>,
}

/// Where to read.
#[derive(Debug, Default)]
pub(super) struct StartingPoints {
    /// Partitions with the offsets to read from, all of them absolute.
    pub(super) list: TopicPartitionList,
    /// When the group first started, in milliseconds since the Unix epoch. Known under `Latest` only.
    pub(super) first_start: Option<i64>,
    /// The consumer's metadata of the partitions that have a commit.
    pub(super) metadata: BTreeMap<i32, CommitMetadata>,
}

/// Finds where these partitions are to be read from. Blocks.
///
/// # Errors
/// When the coordinator or a leader does not answer, or refuses to.
pub(super) fn find<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
    partitions: &[i32],
    starting: StartingOffsets,
    now: i64,
) -> KafkaResult<StartingPoints> {
    let list = client.committed_offsets(list_of(topic, partitions, Offset::Invalid)?, REQUEST_TIMEOUT)?;
    let fresh = without_commit(&list)?;
    let metadata = consumer_metadata(&list);
    let mut first_start = match starting {
        StartingOffsets::Latest => first_start_in(&list),
        StartingOffsets::Earliest | StartingOffsets::Time(_) => None,
    };
    if fresh.is_empty() {
        return Ok(StartingPoints { list, first_start, metadata });
    }
    let found = match starting {
        StartingOffsets::Earliest => edge(client, topic, &fresh, Offset::Beginning)?,
        StartingOffsets::Time(time) => at_time(client, topic, &fresh, time.as_millisecond())?,
        StartingOffsets::Latest => {
            if first_start.is_none() {
                first_start = first_start_of_group(client, topic)?;
            }
            let found = match first_start {
                Some(time) => at_time(client, topic, &fresh, time)?,
                None => edge(client, topic, &fresh, Offset::End)?,
            };
            let time = *first_start.get_or_insert(now);
            // Committed before the first record is delivered: after a crash, reading starts at the same offsets.
            let commits: Vec<PendingCommit> = found.iter().copied().map(PendingCommit::from).collect();
            client.commit(&commit_list(topic, &commits, Some(time))?, CommitMode::Sync)?;
            found
        }
    };
    for (partition, offset) in found {
        if let Some(mut element) = list.find_partition(topic, partition) {
            element.set_offset(Offset::Offset(offset))?;
        }
    }
    Ok(StartingPoints { list, first_start, metadata })
}

/// Requests the number of the topic's partitions, and the high watermarks of these partitions from their leaders.
/// Blocks.
///
/// # Errors
/// When a broker does not answer.
pub(super) fn topic_state<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
    partitions: &[i32],
) -> KafkaResult<TopicState> {
    let count = u32::try_from(partition_ids(client, topic)?.len()).unwrap_or(u32::MAX);
    Ok(TopicState { partitions: count, high_watermarks: edge(client, topic, partitions, Offset::End)? })
}

/// A list to commit. Every element carries `first_start` and the consumer's metadata, so that no commit erases either.
pub(super) fn commit_list(
    topic: &str,
    commits: &[PendingCommit],
    first_start: Option<i64>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for commit in commits {
        let mut element = list.add_partition(topic, commit.partition);
        element.set_offset(Offset::Offset(commit.offset))?;
        let metadata = StoredMetadata { first_start, consumer: commit.metadata.clone() };
        if metadata != StoredMetadata::default() {
            element.set_metadata(metadata.to_text());
        }
    }
    Ok(list)
}

/// A list of partitions of one topic, all with the same offset.
pub(super) fn list_of(topic: &str, partitions: &[i32], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, *partition).set_offset(offset)?;
    }
    Ok(list)
}

/// The first offset of partitions, or the one behind the last: special timestamps of Kafka's ListOffsets request.
fn edge<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
    partitions: &[i32],
    edge: Offset,
) -> KafkaResult<Vec<(i32, i64)>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let list = client.offsets_for_times(list_of(topic, partitions, edge)?, REQUEST_TIMEOUT)?;
    list.elements().iter().map(|element| Ok((element.partition(), absolute(element)?))).collect()
}

/// The first offset at or after a time; the end where there is none.
fn at_time<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
    partitions: &[i32],
    time: i64,
) -> KafkaResult<Vec<(i32, i64)>> {
    // To Kafka, negative timestamps mean special offsets. No record is older than 1970.
    let list = list_of(topic, partitions, Offset::Offset(time.max(0)))?;
    let list = client.offsets_for_times(list, REQUEST_TIMEOUT)?;
    let mut found = Vec::with_capacity(partitions.len());
    let mut none = Vec::new();
    for element in list.elements() {
        element.error()?;
        match element.offset() {
            Offset::Offset(offset) => found.push((element.partition(), offset)),
            _ => none.push(element.partition()),
        }
    }
    found.extend(edge(client, topic, &none, Offset::End)?);
    Ok(found)
}

fn absolute(element: &TopicPartitionListElem<'_>) -> KafkaResult<i64> {
    element.error()?;
    match element.offset() {
        Offset::Offset(offset) => Ok(offset),
        _ => Err(KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset)),
    }
}

fn without_commit(list: &TopicPartitionList) -> KafkaResult<Vec<i32>> {
    let mut fresh = Vec::new();
    for element in list.elements() {
        element.error()?;
        if !matches!(element.offset(), Offset::Offset(_)) {
            fresh.push(element.partition());
        }
    }
    Ok(fresh)
}

/// When the group first started, according to any commit of the topic.
fn first_start_of_group<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
) -> KafkaResult<Option<i64>> {
    let partitions = partition_ids(client, topic)?;
    if partitions.is_empty() {
        return Ok(None);
    }
    let list = client.committed_offsets(list_of(topic, &partitions, Offset::Invalid)?, REQUEST_TIMEOUT)?;
    Ok(first_start_in(&list))
}

/// The partitions of the topic.
fn partition_ids<C: Consumer<X>, X: ConsumerContext>(client: &C, topic: &str) -> KafkaResult<Vec<i32>> {
    let metadata = client.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    Ok(partitions.map(rdkafka::metadata::MetadataPartition::id).collect())
}

fn first_start_in(list: &TopicPartitionList) -> Option<i64> {
    list.elements().iter().filter_map(|element| stored_metadata(element).first_start).min()
}

fn consumer_metadata(list: &TopicPartitionList) -> BTreeMap<i32, CommitMetadata> {
    let elements = list.elements();
    elements.iter().map(|element| (element.partition(), stored_metadata(element).consumer)).collect()
}

/// The metadata of a commit. The client panics on metadata that is not UTF-8, which any tool may have committed.
fn stored_metadata(element: &TopicPartitionListElem<'_>) -> StoredMetadata {
    let text = catch_unwind(AssertUnwindSafe(|| element.metadata().to_owned())).unwrap_or_default();
    StoredMetadata::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(offsets: &[(i32, i64)]) -> Vec<PendingCommit> {
        offsets.iter().copied().map(PendingCommit::from).collect()
    }

    #[test]
    fn every_commit_carries_first_start_and_metadata() {
        let mut commits = commits(&[(0, 5), (3, 7)]);
        commits[1].metadata = CommitMetadata("fold=6 wm=1".to_owned());
        let list = commit_list("users", &commits, Some(1_700_000_000_000)).unwrap();
        assert_eq!(first_start_in(&list), Some(1_700_000_000_000));
        let offsets: Vec<_> =
            list.elements().iter().map(|element| (element.partition(), element.offset())).collect();
        assert_eq!(offsets, [(0, Offset::Offset(5)), (3, Offset::Offset(7))]);
        let expected = [(0, CommitMetadata::default()), (3, commits[1].metadata.clone())];
        assert_eq!(consumer_metadata(&list), BTreeMap::from(expected));
    }

    #[test]
    fn earliest_of_several_first_starts_counts() {
        let mut list = commit_list("users", &commits(&[(0, 5)]), Some(20)).unwrap();
        list.add_partition("users", 1).set_metadata("first-start=10");
        list.add_partition("users", 2).set_metadata("written by another tool");
        assert_eq!(first_start_in(&list), Some(10));
    }

    #[test]
    fn commit_without_metadata_has_no_first_start() {
        let list = commit_list("users", &commits(&[(0, 5)]), None).unwrap();
        assert_eq!(first_start_in(&list), None);
    }
}
