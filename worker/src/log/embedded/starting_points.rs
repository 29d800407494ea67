//! Where a member of a consumer group begins in the partitions that it is assigned.

use userstream_crds::starting_offsets::StartingOffsets;

use super::group_offsets::{self, Committed};
use super::store::{self, TopicNumber};
use crate::log::CommitMetadata;

/// The committed offset of each partition. A partition without one gets its starting offset committed first: `Latest`
/// means the end at the first start, even if the process dies before its next commit.
pub(super) fn starting_points(
    connection: &mut rusqlite::Connection,
    group: &str,
    topic: TopicNumber,
    partitions: &[i32],
    starting: StartingOffsets,
) -> Result<Vec<(i32, Committed)>, rusqlite::Error> {
    let mut points = Vec::with_capacity(partitions.len());
    let mut first_starts = Vec::new();
    for partition in partitions {
        let committed = match group_offsets::committed(connection, group, topic, *partition)? {
            Some(committed) => committed,
            None => {
                let timestamp = match starting {
                    StartingOffsets::Earliest => i64::MIN,
                    StartingOffsets::Latest => i64::MAX,
                    StartingOffsets::Time(time) => time.as_millisecond(),
                };
                let offset = store::offset_at(connection, topic, *partition, timestamp)?;
                let first_start = Committed { offset, metadata: CommitMetadata::default() };
                first_starts.push((*partition, first_start.clone()));
                first_start
            }
        };
        points.push((*partition, committed));
    }
    if !first_starts.is_empty() {
        group_offsets::commit(connection, group, topic, &first_starts)?;
    }
    Ok(points)
}
