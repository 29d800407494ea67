//! Changes the schema of a keyspace's file: the user's tables and their metadata.
//!
//! `$keyspace`, `$tables` and `$columns` correspond to Cassandra's `system_schema`, because SQLite's schema has no CQL
//! types. `$claims` has the claims ([`claims`](super::claims)). Names of user tables and columns never contain a `$`.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use userstream_crds::identifier::Identifier;
use userstream_crds::model::CqlType;

use super::description::{EmbeddedColumnKind, describe_table};
use super::value::declared_type;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS \"$keyspace\" (
        replication TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS \"$tables\" (
        name TEXT PRIMARY KEY,
        id TEXT NOT NULL,
        options TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS \"$claims\" (
        resource TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        id TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS \"$columns\" (
        table_name TEXT NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        kind TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (table_name, name)
    ) STRICT;
";

/// A quoted SQL identifier.
pub(super) fn identifier(name: &Identifier) -> String {
    name.quoted()
}

/// The table with the write times of a table.
pub(super) fn writetime_table(table: &Identifier) -> String {
    format!("\"{table}$writetime\"")
}

/// Creates the keyspace. Returns false if it exists.
pub(super) fn create_keyspace(
    connection: &mut Connection,
    replication: &BTreeMap<String, String>,
) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    let created = transaction.execute(
        "INSERT INTO \"$keyspace\" (replication) SELECT ?1
         WHERE NOT EXISTS (SELECT 1 FROM \"$keyspace\")",
        [json(replication)?],
    )?;
    transaction.commit()?;
    Ok(created > 0)
}

/// Whether the keyspace has no table.
pub(super) fn is_empty(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM \"$tables\")", [], |row| row.get(0))
}

/// Creates a table with its columns in this order. Returns false if it exists.
pub(super) fn create_table(
    connection: &mut Connection,
    table: &Identifier,
    columns: &[(Identifier, CqlType, EmbeddedColumnKind)],
    options: &BTreeMap<String, String>,
) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let created = transaction.execute(
        "INSERT INTO \"$tables\" (name, id, options) VALUES (?1, lower(hex(randomblob(16))), ?2)
         ON CONFLICT DO NOTHING",
        params![table.as_str(), json(options)?],
    )?;
    if created == 0 {
        return Ok(false);
    }
    for (name, cql_type, kind) in columns {
        describe_column(&transaction, table, name, *cql_type, *kind)?;
    }
    let key = key_columns(columns).join(", ");
    let definitions: Vec<String> =
        columns.iter().map(|(name, cql_type, _)| definition(name, *cql_type)).collect();
    transaction.execute_batch(&format!(
        "CREATE TABLE {} ({}, PRIMARY KEY ({key})) STRICT",
        identifier(table),
        definitions.join(", ")
    ))?;
    let write_times: Vec<String> = columns
        .iter()
        .map(|(name, cql_type, kind)| match kind {
            EmbeddedColumnKind::Regular => format!("{} INTEGER", identifier(name)),
            EmbeddedColumnKind::PartitionKey(_) | EmbeddedColumnKind::Clustering(_) => {
                definition(name, *cql_type)
            }
        })
        .collect();
    transaction.execute_batch(&format!(
        "CREATE TABLE {} ({}, PRIMARY KEY ({key})) STRICT, WITHOUT ROWID",
        writetime_table(table),
        write_times.join(", ")
    ))?;
    transaction.commit()?;
    Ok(true)
}

/// Adds columns outside of the primary key.
pub(super) fn add_columns(
    connection: &mut Connection,
    table: &Identifier,
    columns: &[(Identifier, CqlType)],
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (name, cql_type) in columns {
        describe_column(&transaction, table, name, *cql_type, EmbeddedColumnKind::Regular)?;
        transaction.execute_batch(&format!(
            "ALTER TABLE {} ADD COLUMN {}",
            identifier(table),
            definition(name, *cql_type)
        ))?;
        transaction.execute_batch(&format!(
            "ALTER TABLE {} ADD COLUMN {} INTEGER",
            writetime_table(table),
            identifier(name)
        ))?;
    }
    transaction.commit()
}

/// Sets options of a table and keeps the others.
pub(super) fn set_options(
    connection: &mut Connection,
    table: &Identifier,
    options: &BTreeMap<String, String>,
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(description) = describe_table(&transaction, table)? {
        let mut merged = description.options;
        merged.extend(options.clone());
        transaction.execute(
            "UPDATE \"$tables\" SET options = ?2 WHERE name = ?1",
            [table.as_str(), &json(&merged)?],
        )?;
    }
    transaction.commit()
}

/// Drops a table if it has this id. Returns false if it does not.
pub(super) fn drop_table(
    connection: &mut Connection,
    table: &Identifier,
    id: &str,
) -> Result<bool, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let dropped =
        transaction.execute("DELETE FROM \"$tables\" WHERE name = ?1 AND id = ?2", [table.as_str(), id])?;
    if dropped == 0 {
        return Ok(false);
    }
    transaction.execute("DELETE FROM \"$columns\" WHERE table_name = ?1", [table.as_str()])?;
    transaction.execute_batch(&format!(
        "DROP TABLE {}; DROP TABLE {}",
        identifier(table),
        writetime_table(table)
    ))?;
    transaction.commit()?;
    Ok(true)
}

fn describe_column(
    transaction: &Transaction<'_>,
    table: &Identifier,
    name: &Identifier,
    cql_type: CqlType,
    kind: EmbeddedColumnKind,
) -> Result<(), rusqlite::Error> {
    let (kind, position) = match kind {
        EmbeddedColumnKind::PartitionKey(position) => ("partition_key", position),
        EmbeddedColumnKind::Clustering(position) => ("clustering", position),
        EmbeddedColumnKind::Regular => ("regular", 0),
    };
    transaction.execute(
        "INSERT INTO \"$columns\" (table_name, name, type, kind, position) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![table.as_str(), name.as_str(), cql_type.name(), kind, position],
    )?;
    Ok(())
}

/// The columns of the primary key, in order.
fn key_columns(columns: &[(Identifier, CqlType, EmbeddedColumnKind)]) -> Vec<String> {
    let mut key: Vec<((u8, u32), String)> = columns
        .iter()
        .filter_map(|(name, _, kind)| match kind {
            EmbeddedColumnKind::PartitionKey(position) => Some(((0, *position), identifier(name))),
            EmbeddedColumnKind::Clustering(position) => Some(((1, *position), identifier(name))),
            EmbeddedColumnKind::Regular => None,
        })
        .collect();
    key.sort();
    key.into_iter().map(|(_, name)| name).collect()
}

fn definition(name: &Identifier, cql_type: CqlType) -> String {
    format!("{} {}", identifier(name), declared_type(cql_type))
}

fn json(map: &BTreeMap<String, String>) -> Result<String, rusqlite::Error> {
    serde_json::to_string(map).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
