//! Creates, alters and deletes the keyspaces and tables of local mode.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use userstream_crds::identifier::Identifier;
use userstream_crds::model::CqlType;

use super::claims;
use super::description::{
    EmbeddedColumnKind, KeyspaceDescription, TableDescription, describe_keyspace, describe_table,
};
use super::schema;
use crate::sqlite::{DataDirectory, keyspace_path, open_for_reading, open_for_writing};

/// The open file of a keyspace.
#[derive(Debug)]
pub struct EmbeddedKeyspace {
    connection: Connection,
    path: PathBuf,
}

/// Why an operation on a keyspace failed.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedKeyspaceError {
    /// SQLite failed.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The keyspace's file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The file cannot be removed.
    #[error("{} cannot be removed: {source}", path.display())]
    Remove {
        /// The keyspace's file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl EmbeddedKeyspace {
    /// Opens a keyspace's file, and creates it if it is missing.
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

    /// Opens a keyspace's file read-only. `None` if it does not exist.
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

    /// The keyspace, if it exists.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn describe(&self) -> Result<Option<KeyspaceDescription>, EmbeddedKeyspaceError> {
        describe_keyspace(&self.connection).map_err(self.failed())
    }

    /// Creates the keyspace. Returns false, without a change, if it exists.
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
        // The last connection removes the write-ahead log when it closes.
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
        describe_table(&self.connection, table).map_err(self.failed())
    }

    /// Creates a table with its columns in this order. Returns false, without a change, if it exists.
    ///
    /// # Errors
    /// When it may not have been created.
    pub fn create_table(
        &mut self,
        table: &Identifier,
        columns: &[(Identifier, CqlType, EmbeddedColumnKind)],
        options: &BTreeMap<String, String>,
    ) -> Result<bool, EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::create_table(&mut self.connection, table, columns, options).map_err(failed)
    }

    /// Adds columns outside of the primary key: all of them or none.
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

    /// Sets options of a table and keeps the others.
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

    /// Drops a table if it has this id. Returns false if it does not.
    ///
    /// # Errors
    /// When it may not have been dropped.
    pub fn drop_table(&mut self, table: &Identifier, id: &str) -> Result<bool, EmbeddedKeyspaceError> {
        let failed = self.failed();
        schema::drop_table(&mut self.connection, table, id).map_err(failed)
    }

    /// The owner and the id in the claim on a resource.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn claim(&self, resource: &str) -> Result<Option<(String, Option<String>)>, EmbeddedKeyspaceError> {
        claims::read(&self.connection, resource).map_err(self.failed())
    }

    /// Records a claim on a resource, replacing an existing one.
    ///
    /// # Errors
    /// When it may not have been recorded.
    pub fn record_claim(
        &mut self,
        resource: &str,
        owner: &str,
        id: Option<&str>,
    ) -> Result<(), EmbeddedKeyspaceError> {
        claims::record(&self.connection, resource, owner, id).map_err(self.failed())
    }

    /// Deletes the claim on a resource.
    ///
    /// # Errors
    /// When it may not have been deleted.
    pub fn delete_claim(&mut self, resource: &str) -> Result<(), EmbeddedKeyspaceError> {
        claims::delete(&self.connection, resource).map_err(self.failed())
    }

    /// Adds the path of the file to an error of SQLite.
    fn failed(&self) -> impl Fn(rusqlite::Error) -> EmbeddedKeyspaceError + 'static {
        let path = self.path.clone();
        move |source| EmbeddedKeyspaceError::Sqlite { path: path.clone(), source }
    }
}
