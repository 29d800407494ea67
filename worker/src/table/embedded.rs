//! The table of local mode: a keyspace is one SQLite file, `DIR/<keyspace>.db`, with a SQL table per Cassandra table.
//!
//! Conflicts resolve as in Cassandra: each column keeps the value with the latest write time, and of two values with
//! the same write time the one that Cassandra keeps. The write times are in a second table, `<table>$writetime`. Values
//! are stored in readable form: UUIDs, timestamps (RFC 3339, UTC), dates and decimals as text, booleans as 0 and 1.
//! Unlike in Cassandra, rows never expire: `default_time_to_live` has no effect.

mod claims;
mod description;
mod error;
mod keyspace;
mod reader;
mod schema;
mod value;
mod writer;

use userstream_crds::identifier::Identifier;
use userstream_crds::model;

use crate::record::AsRow;
use crate::sqlite::{DataDirectory, DatabaseError, keyspace_path, open_for_writing};
use crate::table::{Table, WriteError};

pub use description::{EmbeddedColumn, EmbeddedColumnKind, KeyspaceDescription, TableDescription};
pub use keyspace::{EmbeddedKeyspace, EmbeddedKeyspaceError};
pub use reader::{TableReader, TableReaderError, TableRow};

use writer::{Layout, Writer};

/// A table in a keyspace's file.
///
/// Rows of concurrent calls share a transaction, and each call returns after its commit.
#[derive(Debug)]
pub struct EmbeddedTable {
    layout: Layout,
    writer: Writer,
}

/// The table does not exist with these columns.
#[derive(Debug, thiserror::Error)]
#[error("table {keyspace}.{table} does not exist with these columns")]
struct MissingTable {
    keyspace: Identifier,
    table: Identifier,
}

impl EmbeddedTable {
    /// Opens a provisioned table.
    ///
    /// # Errors
    /// When the file cannot be opened, or the table or one of its columns does not exist.
    pub fn open(directory: &DataDirectory, table: &model::Table) -> Result<Self, WriteError> {
        let missing = || WriteError::Unavailable {
            cause: "no_table",
            source: MissingTable { keyspace: table.keyspace.clone(), table: table.name.clone() }.into(),
        };
        let path = keyspace_path(directory.path(), &table.keyspace);
        if !path.is_file() {
            return Err(missing());
        }
        let connection = open_for_writing(&path).map_err(DatabaseError::from)?;
        let layout = Layout::of(table);
        if !layout.exists(&connection) {
            return Err(missing());
        }
        let writer = Writer::spawn(connection, layout.clone())
            .map_err(|source| WriteError::Unavailable { cause: "no_thread", source: source.into() })?;
        Ok(Self { layout, writer })
    }
}

impl Table for EmbeddedTable {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        let rows = rows.iter().map(|row| self.layout.bind(row.as_row())).collect::<Result<Vec<_>, _>>()?;
        self.writer.write(rows).await
    }
}

#[cfg(test)]
mod tests;
