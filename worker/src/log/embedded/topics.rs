//! Topics of the embedded log: describe, create, alter and delete.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::store::{self, TopicNumber};

/// A topic of the embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedTopic {
    /// Differs from the id of every earlier topic of this name.
    pub id: String,
    /// The creator, as in [`NewTopic::created_by`].
    pub created_by: Option<String>,
    /// How many partitions it has.
    pub partitions: u32,
    /// Its settings, by Kafka's names.
    pub config: BTreeMap<String, String>,
}

/// A topic to create.
///
/// Of its settings, the embedded log applies `max.message.bytes`, and requires keys when `cleanup.policy` is `compact`.
/// The others are stored without effect: no record is ever deleted or compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it gets, at least one.
    pub partitions: u32,
    /// Its settings, by Kafka's names.
    pub config: BTreeMap<String, String>,
    /// The creator.
    pub created_by: String,
}

/// The topic with this name.
pub(super) fn describe(
    connection: &Connection,
    name: &str,
) -> Result<Option<EmbeddedTopic>, rusqlite::Error> {
    let query = "SELECT id, created_by, config, (SELECT count(*) FROM partitions WHERE topic = number)
                 FROM topics WHERE name = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let config: String = row.get(2)?;
        Ok(EmbeddedTopic {
            id: row.get(0)?,
            created_by: row.get(1)?,
            config: serde_json::from_str(&config).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
            })?,
            partitions: row.get(3)?,
        })
    };
    connection.query_row(query, [name], read).optional()
}

/// The names of all topics.
pub(super) fn names(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT name FROM topics ORDER BY name")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Creates a topic. False when one with this name exists.
pub(super) fn create(connection: &mut Connection, topic: &NewTopic) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let created = transaction.execute(
        "INSERT INTO topics (name, id, created_by, config) VALUES (?1, lower(hex(randomblob(16))), ?2, ?3)
         ON CONFLICT DO NOTHING",
        params![topic.name, topic.created_by, json(&topic.config)?],
    )?;
    if created == 0 {
        return Ok(false);
    }
    if let Some(number) = store::topic_number(&transaction, &topic.name)? {
        add_partitions(&transaction, number, 0..topic.partitions.max(1))?;
    }
    transaction.commit()?;
    Ok(true)
}

fn add_partitions(
    connection: &Connection,
    topic: TopicNumber,
    partitions: std::ops::Range<u32>,
) -> Result<(), rusqlite::Error> {
    let mut statement = connection
        .prepare_cached("INSERT INTO partitions (topic, partition, end_offset) VALUES (?1, ?2, 0)")?;
    for partition in partitions {
        statement.execute(params![topic, partition])?;
    }
    Ok(())
}

/// Adds partitions up to this number and returns all end offsets. None when the topic does not exist or has as many.
pub(super) fn grow(
    connection: &mut Connection,
    name: &str,
    partitions: u32,
) -> Result<Option<Vec<i64>>, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(number) = store::topic_number(&transaction, name)? else { return Ok(None) };
    let present = u32::try_from(store::end_offsets(&transaction, number)?.len()).unwrap_or(u32::MAX);
    if present >= partitions {
        return Ok(None);
    }
    add_partitions(&transaction, number, present..partitions)?;
    let end_offsets = store::end_offsets(&transaction, number)?;
    transaction.commit()?;
    Ok(Some(end_offsets))
}

/// Sets some settings of a topic and keeps the others. False when the topic does not exist.
pub(super) fn configure(
    connection: &mut Connection,
    name: &str,
    settings: &BTreeMap<String, String>,
) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(topic) = describe(&transaction, name)? else { return Ok(false) };
    let mut config = topic.config;
    config.extend(settings.clone());
    transaction.execute("UPDATE topics SET config = ?2 WHERE name = ?1", [name, &json(&config)?])?;
    transaction.commit()?;
    Ok(true)
}

/// Deletes a topic with its records and offsets, if it still has this id. False when it does not.
pub(super) fn delete(connection: &mut Connection, name: &str, id: &str) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number: Option<TopicNumber> = transaction
        .query_row("SELECT number FROM topics WHERE name = ?1 AND id = ?2", [name, id], |row| row.get(0))
        .optional()?;
    let Some(number) = number else { return Ok(false) };
    for statement in [
        "DELETE FROM records WHERE topic = ?1",
        "DELETE FROM group_offsets WHERE topic = ?1",
        "DELETE FROM partitions WHERE topic = ?1",
        "DELETE FROM topics WHERE number = ?1",
    ] {
        transaction.execute(statement, [number])?;
    }
    transaction.commit()?;
    Ok(true)
}

fn json(config: &BTreeMap<String, String>) -> Result<String, rusqlite::Error> {
    serde_json::to_string(config).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
