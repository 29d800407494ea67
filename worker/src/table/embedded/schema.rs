//! The schema of a keyspace's file: the user's tables and their metadata.
//!
//! `$keyspace`, `$tables` and `$columns` correspond to Cassandra's `system_schema`, because SQLite's schema has no CQL
//! types. `$claims` has the claims ([`claims`](super::claims)). Names of user tables and columns never contain a `$`.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use userstream_crds::identifier::Identifier;
use userstream_crds::model::CqlType;

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

/// An existing keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspaceDescription {
    /// Its replication, which has no effect in SQLite.
    pub replication: BTreeMap<String, String>,
}

/// An existing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDescription {
    /// The id, which differs from that of every earlier table of this name.
    pub id: String,
    /// Its options, which have no effect in SQLite.
    pub options: BTreeMap<String, String>,
    /// Its columns.
    pub columns: Vec<EmbeddedColumn>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedColumn {
    /// Its name.
    pub name: String,
    /// Its CQL type.
    pub cql_type: String,
    /// Its place in the primary key.
    pub kind: ColumnKind,
}

/// The place of a column in the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// The component of the partition key with this index, from 0.
    PartitionKey(u32),
    /// The component of the clustering key with this index, from 0.
    Clustering(u32),
    /// Not in the primary key.
    Regular,
}

/// A quoted SQL identifier.
pub(super) fn identifier(name: &Identifier) -> String {
    name.quoted()
}

/// The table with the write times of a table.
pub(super) fn writetime_table(table: &Identifier) -> String {
    format!("\"{table}$writetime\"")
}

/// The keyspace, if it exists.
pub(super) fn describe_keyspace(
    connection: &Connection,
) -> Result<Option<KeyspaceDescription>, rusqlite::Error> {
    if !connection.table_exists(None::<&str>, "$keyspace")? {
        return Ok(None);
    }
    let read =
        |row: &rusqlite::Row<'_>| Ok(KeyspaceDescription { replication: map(&row.get::<_, String>(0)?)? });
    connection.query_row("SELECT replication FROM \"$keyspace\"", [], read).optional()
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

/// The table with this name.
pub(super) fn describe_table(
    connection: &Connection,
    table: &Identifier,
) -> Result<Option<TableDescription>, rusqlite::Error> {
    if !connection.table_exists(None::<&str>, "$tables")? {
        return Ok(None);
    }
    let read = |row: &rusqlite::Row<'_>| {
        Ok(TableDescription {
            id: row.get(0)?,
            options: map(&row.get::<_, String>(1)?)?,
            columns: Vec::new(),
        })
    };
    let query = "SELECT id, options FROM \"$tables\" WHERE name = ?1";
    let Some(mut description) = connection.query_row(query, [table.as_str()], read).optional()? else {
        return Ok(None);
    };
    let mut statement = connection.prepare(
        "SELECT name, type, kind, position FROM \"$columns\" WHERE table_name = ?1 ORDER BY rowid",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let kind: String = row.get(2)?;
        let position: u32 = row.get(3)?;
        Ok(EmbeddedColumn {
            name: row.get(0)?,
            cql_type: row.get(1)?,
            kind: match kind.as_str() {
                "partition_key" => ColumnKind::PartitionKey(position),
                "clustering" => ColumnKind::Clustering(position),
                _ => ColumnKind::Regular,
            },
        })
    };
    description.columns = statement.query_map([table.as_str()], read)?.collect::<Result<_, _>>()?;
    Ok(Some(description))
}

/// Creates a table with its columns in this order. Returns false if it exists.
pub(super) fn create_table(
    connection: &mut Connection,
    table: &Identifier,
    columns: &[(Identifier, CqlType, ColumnKind)],
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
            ColumnKind::Regular => format!("{} INTEGER", identifier(name)),
            ColumnKind::PartitionKey(_) | ColumnKind::Clustering(_) => definition(name, *cql_type),
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
        describe_column(&transaction, table, name, *cql_type, ColumnKind::Regular)?;
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
    kind: ColumnKind,
) -> Result<(), rusqlite::Error> {
    let (kind, position) = match kind {
        ColumnKind::PartitionKey(position) => ("partition_key", position),
        ColumnKind::Clustering(position) => ("clustering", position),
        ColumnKind::Regular => ("regular", 0),
    };
    transaction.execute(
        "INSERT INTO \"$columns\" (table_name, name, type, kind, position) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![table.as_str(), name.as_str(), cql_type.name(), kind, position],
    )?;
    Ok(())
}

/// The columns of the primary key, in order.
fn key_columns(columns: &[(Identifier, CqlType, ColumnKind)]) -> Vec<String> {
    let mut key: Vec<((u8, u32), String)> = columns
        .iter()
        .filter_map(|(name, _, kind)| match kind {
            ColumnKind::PartitionKey(position) => Some(((0, *position), identifier(name))),
            ColumnKind::Clustering(position) => Some(((1, *position), identifier(name))),
            ColumnKind::Regular => None,
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

fn map(json: &str) -> Result<BTreeMap<String, String>, rusqlite::Error> {
    serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
