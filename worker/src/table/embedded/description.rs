//! Describes the keyspace and the tables of a keyspace's file, from the metadata that [`schema`](super::schema) writes.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use userstream_crds::identifier::Identifier;

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
    pub kind: EmbeddedColumnKind,
}

/// The place of a column in the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddedColumnKind {
    /// The component of the partition key with this index, from 0.
    PartitionKey(u32),
    /// The component of the clustering key with this index, from 0.
    Clustering(u32),
    /// Not in the primary key.
    Regular,
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
                "partition_key" => EmbeddedColumnKind::PartitionKey(position),
                "clustering" => EmbeddedColumnKind::Clustering(position),
                _ => EmbeddedColumnKind::Regular,
            },
        })
    };
    description.columns = statement.query_map([table.as_str()], read)?.collect::<Result<_, _>>()?;
    Ok(Some(description))
}

fn map(json: &str) -> Result<BTreeMap<String, String>, rusqlite::Error> {
    serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
