//! The commits of consumer groups in `log.db`.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::store::TopicNumber;
use crate::log::CommitMetadata;

/// A commit of a group in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) offset: i64,
    pub(super) metadata: CommitMetadata,
}

/// The last commit of a group in a partition.
pub(super) fn committed(
    connection: &Connection,
    group: &str,
    topic: TopicNumber,
    partition: i32,
) -> Result<Option<Committed>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT \"offset\", metadata FROM group_offsets WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Committed { offset: row.get(0)?, metadata: CommitMetadata(row.get(1)?) })
    };
    statement.query_row(params![group, topic, partition], read).optional()
}

/// The last committed offset of a group in a partition.
pub(super) fn committed_offset(
    connection: &Connection,
    group: &str,
    topic: TopicNumber,
    partition: i32,
) -> Result<Option<i64>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT \"offset\" FROM group_offsets WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3",
    )?;
    statement.query_row(params![group, topic, partition], |row| row.get(0)).optional()
}

/// Commits offsets of a group in one transaction.
pub(super) fn commit(
    connection: &mut Connection,
    group: &str,
    topic: TopicNumber,
    commits: &[(i32, Committed)],
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (partition, Committed { offset, metadata }) in commits {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO group_offsets (consumer_group, topic, partition, \"offset\", metadata)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET \"offset\" = excluded.\"offset\", metadata = excluded.metadata",
        )?;
        statement.execute(params![group, topic, partition, offset, metadata.0])?;
    }
    transaction.commit()
}
