//! Reads a table, for `usp tail`, the terminal view and tests.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use userstream_crds::identifier::Identifier;

use super::schema::identifier;
use crate::sqlite::{keyspace_path, open_for_reading};

/// A read-only table. Another process may write it at the same time.
#[derive(Debug)]
pub struct TableReader {
    connection: Connection,
    table: Identifier,
    columns: Vec<String>,
}

/// A row in readable form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// The number of the row, in the order of first writes.
    pub number: i64,
    /// One value per column of [`TableReader::columns`]. Bytes are hexadecimal with the prefix `0x`.
    pub values: Vec<Option<String>>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableReaderError {
    /// The keyspace does not exist yet.
    #[error("keyspace file {0} does not exist yet")]
    MissingKeyspace(PathBuf),
    /// The table does not exist yet.
    #[error("table {0} does not exist yet")]
    MissingTable(Identifier),
    /// The file cannot be read.
    #[error("the table cannot be read: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rusqlite::Error> for TableReaderError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

impl TableReader {
    /// Opens a table in a data directory.
    ///
    /// # Errors
    /// When the table does not exist yet, or the file cannot be read.
    pub fn open(
        directory: &Path,
        keyspace: &Identifier,
        table: &Identifier,
    ) -> Result<Self, TableReaderError> {
        let path = keyspace_path(directory, keyspace);
        if !path.is_file() {
            return Err(TableReaderError::MissingKeyspace(path));
        }
        let connection = open_for_reading(&path)?;
        if !connection.table_exists(None::<&str>, table.as_str())? {
            return Err(TableReaderError::MissingTable(table.clone()));
        }
        let columns = {
            let statement = connection.prepare(&format!("SELECT * FROM {}", identifier(table)))?;
            statement.column_names().map(str::to_owned).collect()
        };
        Ok(Self { connection, table: table.clone(), columns })
    }

    /// The names of the columns in order, as of the opening of the table.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self) -> Result<u64, TableReaderError> {
        let query = format!("SELECT count(*) FROM {}", identifier(&self.table));
        let count: i64 = self.connection.query_row(&query, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The last `limit` rows in the order of first writes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_rows(&self, limit: usize) -> Result<Vec<TableRow>, TableReaderError> {
        let mut rows =
            self.rows("ORDER BY rowid DESC LIMIT ?1", [i64::try_from(limit).unwrap_or(i64::MAX)])?;
        rows.reverse();
        Ok(rows)
    }

    /// At most `limit` rows after the one with this number, in the order of first writes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rows_after(&self, number: i64, limit: usize) -> Result<Vec<TableRow>, TableReaderError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows("WHERE rowid > ?1 ORDER BY rowid LIMIT ?2", [number, limit])
    }

    fn rows(
        &self,
        clause: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<TableRow>, TableReaderError> {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("\"{column}\"")).collect();
        let query = format!("SELECT rowid, {} FROM {} {clause}", columns.join(", "), identifier(&self.table));
        let mut statement = self.connection.prepare_cached(&query)?;
        let read = |row: &rusqlite::Row<'_>| {
            let values = (1..=self.columns.len()).map(|index| Ok(text(row.get_ref(index)?)));
            Ok(TableRow { number: row.get(0)?, values: values.collect::<Result<_, rusqlite::Error>>()? })
        };
        Ok(statement.query_map(parameters, read)?.collect::<Result<_, _>>()?)
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(value) => Some(value.to_string()),
        ValueRef::Real(value) => Some(value.to_string()),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => {
            Some(bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")))
        }
    }
}
