//! The records of `log.db`, and the positions of sources.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::headers;
use super::partitioner::partition_of_key;
use crate::log::{Rejection, RejectionReason};
use crate::record::{LogRecord, Record};

/// The number of a topic in the other tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TopicNumber(i64);

impl ToSql for TopicNumber {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        self.0.to_sql()
    }
}

impl FromSql for TopicNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

pub(super) fn topic_number(
    connection: &Connection,
    topic: &str,
) -> Result<Option<TopicNumber>, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT number FROM topics WHERE name = ?1")?;
    statement.query_row([topic], |row| row.get(0)).optional()
}

/// The offset that the next record of each partition will get, by partition.
pub(super) fn end_offsets(connection: &Connection, topic: TopicNumber) -> Result<Vec<i64>, rusqlite::Error> {
    let mut statement =
        connection.prepare_cached("SELECT end_offset FROM partitions WHERE topic = ?1 ORDER BY partition")?;
    statement.query_map([topic], |row| row.get(0))?.collect()
}

/// The result of an append.
#[derive(Debug)]
pub(super) struct Appended {
    /// The end offset of each partition after it.
    pub(super) end_offsets: Vec<i64>,
    /// The records that were not appended.
    pub(super) rejections: Vec<Rejection>,
}

/// The limits that a topic's config sets.
#[derive(Debug, Clone, Copy)]
struct Limits {
    max_message_bytes: usize,
    needs_key: bool,
}

impl Limits {
    fn of(connection: &Connection, topic: TopicNumber) -> Result<Self, rusqlite::Error> {
        // Kafka's default of max.message.bytes.
        const DEFAULT: usize = 1_048_588;
        let mut statement = connection.prepare_cached(
            "SELECT config ->> '$.\"max.message.bytes\"', config ->> '$.\"cleanup.policy\"' FROM topics WHERE number = ?1",
        )?;
        statement.query_row([topic], |row| {
            let max_message_bytes: Option<String> = row.get(0)?;
            let cleanup: Option<String> = row.get(1)?;
            Ok(Self {
                max_message_bytes: max_message_bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(DEFAULT),
                needs_key: cleanup
                    .is_some_and(|policies| policies.split(',').any(|one| one.trim() == "compact")),
            })
        })
    }

    fn rejection(self, record: &Record) -> Option<RejectionReason> {
        if record.size() > self.max_message_bytes {
            Some(RejectionReason::TooLarge)
        } else if self.needs_key && record.key().is_none() {
            Some(RejectionReason::Invalid)
        } else {
            None
        }
    }
}

/// Appends records in one transaction. None when the topic does not exist. Records without a key are distributed over
/// the partitions in order, starting behind `last_partition`.
pub(super) fn append(
    connection: &mut Connection,
    topic: &str,
    records: &[Record],
    last_partition: u32,
) -> Result<Option<Appended>, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let Some(number) = topic_number(&transaction, topic)? else { return Ok(None) };
    let limits = Limits::of(&transaction, number)?;
    let mut end_offsets = end_offsets(&transaction, number)?;
    let partitions = u32::try_from(end_offsets.len()).unwrap_or(u32::MAX);
    let mut rejections = Vec::new();
    let mut last_partition = last_partition;
    for (index, record) in records.iter().enumerate() {
        if let Some(reason) = limits.rejection(record) {
            rejections.push(Rejection { index, reason });
            continue;
        }
        let partition = match record.key() {
            Some(key) => partition_of_key(key, partitions),
            None => {
                last_partition = last_partition.wrapping_add(1);
                last_partition.checked_rem(partitions)
            }
        };
        let target = partition
            .and_then(|partition| end_offsets.get_mut(partition as usize).map(|end| (partition, end)));
        // Not reached: a topic has at least one partition, and the partition is a remainder of their number.
        let Some((partition, end)) = target else { return Ok(None) };
        insert(&transaction, number, partition, *end, record)?;
        *end += 1;
    }
    for (partition, end) in (0_u32..).zip(&end_offsets) {
        let mut statement = transaction.prepare_cached(
            "UPDATE partitions SET end_offset = ?3 WHERE topic = ?1 AND partition = ?2 AND end_offset <> ?3",
        )?;
        statement.execute(params![number, partition, end])?;
    }
    transaction.commit()?;
    Ok(Some(Appended { end_offsets, rejections }))
}

fn insert(
    transaction: &Transaction<'_>,
    topic: TopicNumber,
    partition: u32,
    offset: i64,
    record: &Record,
) -> Result<(), rusqlite::Error> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO records (topic, partition, \"offset\", timestamp, key, value, headers)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let headers = headers::encode(record);
    statement.execute(params![
        topic,
        partition,
        offset,
        record.timestamp,
        record.key(),
        record.value(),
        headers
    ])?;
    Ok(())
}

/// Reads records of one partition into `records`, from `offset` on, until there are `max` or `bytes` is used up.
pub(super) fn read(
    connection: &Connection,
    topic: TopicNumber,
    (partition, offset): (i32, i64),
    max: usize,
    bytes: &mut usize,
    records: &mut Vec<LogRecord>,
) -> Result<(), rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT \"offset\", timestamp, key, value, headers FROM records
         WHERE topic = ?1 AND partition = ?2 AND \"offset\" >= ?3 ORDER BY \"offset\"",
    )?;
    let mut rows = statement.query(params![topic, partition, offset])?;
    while records.len() < max && *bytes > 0 {
        let Some(row) = rows.next()? else { break };
        let value = row.get_ref(3)?.as_blob_or_null()?;
        let mut record = Record::new(Vec::new(), value, row.get(1)?);
        if let Some(key) = row.get_ref(2)?.as_blob_or_null()? {
            record = record.with_key(key);
        }
        if let Some(bytes) = row.get_ref(4)?.as_blob_or_null()? {
            headers::decode(bytes, &mut record);
        }
        *bytes = bytes.saturating_sub(record.size());
        records.push(LogRecord { partition, offset: row.get(0)?, record });
    }
    Ok(())
}

/// The first offset whose record is at or after `timestamp`, or the end offset.
pub(super) fn offset_at(
    connection: &Connection,
    topic: TopicNumber,
    partition: i32,
    timestamp: i64,
) -> Result<i64, rusqlite::Error> {
    connection.query_row(
        "SELECT coalesce(
            (SELECT min(\"offset\") FROM records WHERE topic = ?1 AND partition = ?2 AND timestamp >= ?3),
            (SELECT end_offset FROM partitions WHERE topic = ?1 AND partition = ?2))",
        params![topic, partition, timestamp],
        |row| row.get(0),
    )
}

/// The position that a pipeline saved last.
pub(super) fn load_position(
    connection: &Connection,
    pipeline: &str,
) -> Result<Option<String>, rusqlite::Error> {
    connection
        .query_row("SELECT position FROM source_positions WHERE pipeline = ?1", [pipeline], |row| row.get(0))
        .optional()
}

/// Saves the position of a pipeline in place of the last one.
pub(super) fn save_position(
    connection: &Connection,
    pipeline: &str,
    position: &str,
) -> Result<(), rusqlite::Error> {
    connection.execute(
        "INSERT INTO source_positions (pipeline, position) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET position = excluded.position",
        [pipeline, position],
    )?;
    Ok(())
}
