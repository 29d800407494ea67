//! Looking into a table: for `usp tail`, progress views and tests.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use userstream_crds::identifier::Identifier;

use super::schema::identifier;
use crate::sqlite::{keyspace_path, open_for_reading};

/// A table that is only read. Another process may be writing it at the same time.
#[derive(Debug)]
pub struct TableReader {
    connection: Connection,
    table: Identifier,
    columns: Vec<String>,
}

/// A row as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Counts the rows of the table in the order of their first write.
    pub number: i64,
    /// One value for each of [`TableReader::columns`]; none where it has none. Bytes are hexadecimal, after `0x`.
    pub values: Vec<Option<String>>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableReaderError {
    /// There is no such keyspace yet.
    #[error("there is no keyspace in {0} yet")]
    MissingKeyspace(PathBuf),
    /// There is no such table.
    #[error("there is no table {0} yet")]
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
    /// Opens a table in a directory of local mode.
    ///
    /// # Errors
    /// When there is no such table yet, or the file cannot be read.
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

    /// The names of the columns when the table was opened, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self) -> Result<u64, TableReaderError> {
        let query = format!("SELECT count(*) FROM {}", identifier(&self.table));
        let count: i64 = self.connection.query_row(&query, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The rows whose first write came last, at most `most`, the oldest of them first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_rows(&self, most: usize) -> Result<Vec<TableRow>, TableReaderError> {
        let mut rows =
            self.rows("ORDER BY rowid DESC LIMIT ?1", [i64::try_from(most).unwrap_or(i64::MAX)])?;
        rows.reverse();
        Ok(rows)
    }

    /// The rows behind the one with this number, at most `most`, in the order of their first write.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rows_after(&self, number: i64, most: usize) -> Result<Vec<TableRow>, TableReaderError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.rows("WHERE rowid > ?1 ORDER BY rowid LIMIT ?2", [number, most])
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
