//! Where to read partitions from: where the group left off, or at the pipeline's starting offsets at its first start.
//!
//! `Latest` means the end of the topic *when the group first started*, also for a partition that was added later or whose
//! first record came before the group's second member. So the time of the first start goes with every commit as its
//! metadata, and a partition without a commit is read from that time on. Without this, records of a new partition would be
//! skipped until the consumers have noticed that there is one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::RDKafkaErrorCode;
use userstream_crds::starting_offsets::StartingOffsets;

/// How long each request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_START: &str = "first-start=";

/// The ends of partitions, or why they are not known.
pub(super) type Watermarks = KafkaResult<Vec<(i32, i64)>>;

/// Where to read.
#[derive(Debug)]
pub(super) struct Beginning {
    /// Partitions with the offsets to read from, all of them absolute.
    pub(super) list: TopicPartitionList,
    /// When the group first started, in milliseconds since the Unix epoch; known under `Latest` alone.
    pub(super) first_start: Option<i64>,
}

/// Finds out where these partitions are to be read from. Blocks.
///
/// # Errors
/// When the coordinator or a leader does not answer, or refuses to.
pub(super) fn find<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
    partitions: &[i32],
    starting: StartingOffsets,
    now: i64,
) -> KafkaResult<Beginning> {
    let list = client.committed_offsets(list_of(topic, partitions, Offset::Invalid)?, REQUEST_TIMEOUT)?;
    let fresh = without_commit(&list)?;
    let mut first_start = match starting {
        StartingOffsets::Latest => first_start_in(&list),
        StartingOffsets::Earliest | StartingOffsets::Time(_) => None,
    };
    if fresh.is_empty() {
        return Ok(Beginning { list, first_start });
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
            // Committed before the first record is handed out: a crash from here on starts again at the same place.
            client.commit(&commit_list(topic, &found, Some(time))?, CommitMode::Sync)?;
            found
        }
    };
    for (partition, offset) in found {
        if let Some(mut element) = list.find_partition(topic, partition) {
            element.set_offset(Offset::Offset(offset))?;
        }
    }
    Ok(Beginning { list, first_start })
}

/// Asks the leaders for the ends of partitions. Blocks.
///
/// # Errors
/// When a leader does not answer.
pub(super) fn high_watermarks<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
    partitions: &[i32],
) -> Watermarks {
    edge(client, topic, partitions, Offset::End)
}

/// A list to commit. `first_start` goes with it, so that no commit forgets it.
pub(super) fn commit_list(
    topic: &str,
    offsets: &[(i32, i64)],
    first_start: Option<i64>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        let mut element = list.add_partition(topic, *partition);
        element.set_offset(Offset::Offset(*offset))?;
        if let Some(time) = first_start {
            element.set_metadata(format!("{FIRST_START}{time}"));
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

/// The first offset of partitions, or the one behind the last: Kafka answers both to a question about a special time.
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
    // Kafka takes negative times for special places; before 1970 there is no record.
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

/// When the group first started, from whatever partition of the topic it has committed.
fn first_start_of_group<C: Consumer<X>, X: ConsumerContext>(
    client: &C,
    topic: &str,
) -> KafkaResult<Option<i64>> {
    let metadata = client.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions().iter().map(rdkafka::metadata::MetadataPartition::id))
        .collect();
    if partitions.is_empty() {
        return Ok(None);
    }
    let list = client.committed_offsets(list_of(topic, &partitions, Offset::Invalid)?, REQUEST_TIMEOUT)?;
    Ok(first_start_in(&list))
}

fn first_start_in(list: &TopicPartitionList) -> Option<i64> {
    list.elements().iter().filter_map(|element| first_start(&metadata(element))).min()
}

/// The metadata of a commit. The client panics on metadata that is not UTF-8, which any tool may have committed.
fn metadata(element: &TopicPartitionListElem<'_>) -> String {
    catch_unwind(AssertUnwindSafe(|| element.metadata().to_owned())).unwrap_or_default()
}

fn first_start(metadata: &str) -> Option<i64> {
    metadata.strip_prefix(FIRST_START)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_goes_with_every_commit() {
        let list = commit_list("users", &[(0, 5), (3, 7)], Some(1_700_000_000_000)).unwrap();
        assert_eq!(first_start_in(&list), Some(1_700_000_000_000));
        let offsets: Vec<_> =
            list.elements().iter().map(|element| (element.partition(), element.offset())).collect();
        assert_eq!(offsets, [(0, Offset::Offset(5)), (3, Offset::Offset(7))]);
    }

    #[test]
    fn the_earliest_of_several_first_starts_counts() {
        let mut list = commit_list("users", &[(0, 5)], Some(20)).unwrap();
        list.add_partition("users", 1).set_metadata(format!("{FIRST_START}10"));
        list.add_partition("users", 2).set_metadata("somebody else's");
        assert_eq!(first_start_in(&list), Some(10));
    }

    #[test]
    fn commits_of_other_tools_have_no_first_start() {
        assert_eq!(first_start(""), None);
        assert_eq!(first_start("first-start=soon"), None);
        let list = commit_list("users", &[(0, 5)], None).unwrap();
        assert_eq!(first_start_in(&list), None);
    }
}
