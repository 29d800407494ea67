//! A keyspace of local mode, to be created, altered and deleted.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use userstream_crds::identifier::Identifier;
use userstream_crds::model::CqlType;

use super::claims;
use super::schema::{self, ColumnKind, KeyspaceDescription, TableDescription};
use crate::sqlite::{DataDirectory, keyspace_path, open_for_reading, open_for_writing};

/// A keyspace's file, open.
#[derive(Debug)]
pub struct EmbeddedKeyspace {
    connection: Connection,
    path: PathBuf,
}

/// Why a keyspace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedKeyspaceError {
    /// SQLite says no.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The keyspace's file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file cannot be removed.
    #[error("{} cannot be removed: {source}", path.display())]
    Remove {
        /// The keyspace's file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl EmbeddedKeyspace {
    /// Opens a keyspace's file, creating it where it is missing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(directory: &DataDirectory, keyspace: &Identifier) -> Result<Self, EmbeddedKeyspaceError> {
        let path = keyspace_path(directory.path(), keyspace);
        match open_for_writing(&path) {
            Ok(connection) => Ok(Self { connection, path }),
            Err(source) => Err(EmbeddedKeyspaceError::Sqlite { path, source }),
        }
    }

    /// Opens a keyspace's file for reading alone; none where it is missing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_for_reading(
        directory: &Path,
        keyspace: &Identifier,
    ) -> Result<Option<Self>, EmbeddedKeyspaceError> {
        let path = keyspace_path(directory, keyspace);
        if !path.is_file() {
            return Ok(None);
        }
        match open_for_reading(&path) {
            Ok(connection) => Ok(Some(Self { connection, path })),
            Err(source) => Err(EmbeddedKeyspaceError::Sqlite { path, source }),
        }
    }

    /// The keyspace, if it has been created.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn describe(&self) -> Result<Option<KeyspaceDescription>, EmbeddedKeyspaceError> {
        schema::describe_keyspace(&self.connection).map_err(self.failed())
    }

    /// Creates the keyspace. False, and nothing is changed, when it is there.
    ///
    /// # Errors
    /// When it may not have been created.
    pub fn create(&mut self, replication: &BTreeMap<String, String>) -> Result<bool, EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::create_keyspace(&mut self.connection, replication).map_err(failed)
    }

    /// Whether the keyspace has no table.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_empty(&self) -> Result<bool, EmbeddedKeyspaceError> {
        schema::is_empty(&self.connection).map_err(self.failed())
    }

    /// Removes the keyspace's file with everything in it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(self) -> Result<(), EmbeddedKeyspaceError> {
        let Self { connection, path } = self;
        // Closing the last connection removes the write-ahead log beside the file.
        connection
            .close()
            .map_err(|(_, source)| EmbeddedKeyspaceError::Sqlite { path: path.clone(), source })?;
        std::fs::remove_file(&path).map_err(|source| EmbeddedKeyspaceError::Remove { path, source })
    }

    /// The table with this name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn table(&self, table: &Identifier) -> Result<Option<TableDescription>, EmbeddedKeyspaceError> {
        schema::describe_table(&self.connection, table).map_err(self.failed())
    }

    /// Creates a table with its columns in this order. False, and nothing is changed, when there is one with this name.
    ///
    /// # Errors
    /// When it may not have been created.
    pub fn create_table(
        &mut self,
        table: &Identifier,
        columns: &[(Identifier, CqlType, ColumnKind)],
        options: &BTreeMap<String, String>,
    ) -> Result<bool, EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::create_table(&mut self.connection, table, columns, options).map_err(failed)
    }

    /// Adds columns that are no part of the key: all of them or none.
    ///
    /// # Errors
    /// When they may not have been added.
    pub fn add_columns(
        &mut self,
        table: &Identifier,
        columns: &[(Identifier, CqlType)],
    ) -> Result<(), EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::add_columns(&mut self.connection, table, columns).map_err(failed)
    }

    /// Sets options of a table, and leaves those that are not named.
    ///
    /// # Errors
    /// When they may not have been set.
    pub fn set_options(
        &mut self,
        table: &Identifier,
        options: &BTreeMap<String, String>,
    ) -> Result<(), EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::set_options(&mut self.connection, table, options).map_err(failed)
    }

    /// Drops a table if it has this id. False when it does not.
    ///
    /// # Errors
    /// When it may not have been dropped.
    pub fn drop_table(&mut self, table: &Identifier, id: &str) -> Result<bool, EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::drop_table(&mut self.connection, table, id).map_err(failed)
    }

    /// The owner and the id that are recorded for a resource.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn claim(&self, resource: &str) -> Result<Option<(String, Option<String>)>, EmbeddedKeyspaceError> {
        claims::read(&self.connection, resource).map_err(self.failed())
    }

    /// Records the owner and the id of a resource in place of any that were there.
    ///
    /// # Errors
    /// When they may not have been recorded.
    pub fn record_claim(
        &mut self,
        resource: &str,
        owner: &str,
        id: Option<&str>,
    ) -> Result<(), EmbeddedKeyspaceError> {
        claims::record(&self.connection, resource, owner, id).map_err(self.failed())
    }

    /// Forgets what is recorded for a resource.
    ///
    /// # Errors
    /// When it may not have been forgotten.
    pub fn delete_claim(&mut self, resource: &str) -> Result<(), EmbeddedKeyspaceError> {
        claims::delete(&self.connection, resource).map_err(self.failed())
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> EmbeddedKeyspaceError + 'static {
        let path = self.path.clone();
        move |source| EmbeddedKeyspaceError::Sqlite { path: path.clone(), source }
    }
}
