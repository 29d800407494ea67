//! Provisioning in local mode: topics and tables in SQLite files.

mod topics;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use userstream_crds::identifier::Identifier;
use userstream_crds::model::{CqlType, Keyspace, Table, TableOptions};

use super::admin::{AdminError, Claims, TableAdmin};
use super::keyspace::{Datacenters, ObservedKeyspace, replication_map};
use super::resource::{Claim, Owner, Resource};
use super::table::{ColumnKind, ObservedColumn, ObservedTable, kind_of};
use crate::sqlite::{DataDirectory, keyspace_path};
use crate::table::embedded::{self, EmbeddedKeyspace, EmbeddedKeyspaceError, TableDescription};

pub use topics::EmbeddedTopicAdmin;

const WHAT: &str = "the data directory";

/// A change of a directory that is open read-only.
#[derive(Debug, thiserror::Error)]
#[error("it is open read-only")]
struct ReadOnlyDirectory;

fn read_only() -> AdminError {
    AdminError::Refused { what: WHAT, cause: "read_only", source: ReadOnlyDirectory.into() }
}

impl From<EmbeddedKeyspaceError> for AdminError {
    fn from(error: EmbeddedKeyspaceError) -> Self {
        Self::Refused { what: WHAT, cause: "keyspace", source: error.into() }
    }
}

/// Administers the keyspaces of a directory.
#[derive(Debug)]
pub enum EmbeddedTableAdmin<'a> {
    /// A directory that may be changed.
    ReadWrite(&'a DataDirectory),
    /// A directory that is only read, for plans. It need not exist.
    ReadOnly(&'a Path),
}

impl EmbeddedTableAdmin<'_> {
    fn path(&self) -> &Path {
        match self {
            Self::ReadWrite(directory) => directory.path(),
            Self::ReadOnly(path) => path,
        }
    }

    fn read(&self, keyspace: &Identifier) -> Result<Option<EmbeddedKeyspace>, AdminError> {
        Ok(EmbeddedKeyspace::open_for_reading(self.path(), keyspace)?)
    }

    fn open(&self, keyspace: &Identifier) -> Result<EmbeddedKeyspace, AdminError> {
        match self {
            Self::ReadWrite(directory) => Ok(EmbeddedKeyspace::open(directory, keyspace)?),
            Self::ReadOnly(_) => Err(read_only()),
        }
    }
}

impl TableAdmin for EmbeddedTableAdmin<'_> {
    async fn datacenters(&self) -> Result<Option<Datacenters>, AdminError> {
        Ok(None)
    }

    async fn keyspace(&self, name: &Identifier) -> Result<Option<ObservedKeyspace>, AdminError> {
        let Some(keyspace) = self.read(name)? else { return Ok(None) };
        Ok(keyspace.describe()?.map(|keyspace| ObservedKeyspace { replication: keyspace.replication }))
    }

    async fn table(
        &self,
        keyspace: &Identifier,
        name: &Identifier,
    ) -> Result<Option<ObservedTable>, AdminError> {
        let Some(keyspace) = self.read(keyspace)? else { return Ok(None) };
        Ok(keyspace.table(name)?.map(Into::into))
    }

    async fn has_tables(&self, keyspace: &Identifier) -> Result<bool, AdminError> {
        let Some(keyspace) = self.read(keyspace)? else { return Ok(false) };
        Ok(!keyspace.is_empty()?)
    }

    async fn create_keyspace(&self, keyspace: &Keyspace) -> Result<(), AdminError> {
        self.open(&keyspace.name)?.create(&replication_map(&keyspace.replication))?;
        Ok(())
    }

    async fn create_table(&self, table: &Table) -> Result<(), AdminError> {
        let columns: Vec<_> = table
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                (column.name.clone(), column.cql_type, embedded_kind(kind_of(table, index)))
            })
            .collect();
        self.open(&table.keyspace)?.create_table(&table.name, &columns, &option_map(&table.options))?;
        Ok(())
    }

    async fn add_columns(&self, table: &Table, columns: &[(Identifier, CqlType)]) -> Result<(), AdminError> {
        Ok(self.open(&table.keyspace)?.add_columns(&table.name, columns)?)
    }

    async fn alter_options(&self, table: &Table, options: &TableOptions) -> Result<(), AdminError> {
        Ok(self.open(&table.keyspace)?.set_options(&table.name, &option_map(options))?)
    }

    async fn drop_table(&self, table: &Table, id: &str) -> Result<bool, AdminError> {
        Ok(self.open(&table.keyspace)?.drop_table(&table.name, id)?)
    }

    async fn drop_keyspace(&self, keyspace: &Identifier) -> Result<(), AdminError> {
        if keyspace_path(self.path(), keyspace).is_file() {
            self.open(keyspace)?.remove()?;
        }
        Ok(())
    }
}

/// Every change holds the lock of the data directory, which replaces the provisioning lock.
impl Claims for EmbeddedTableAdmin<'_> {
    async fn claim_on(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
    ) -> Result<Option<Claim>, AdminError> {
        let Some(keyspace) = self.read(keyspace)? else { return Ok(None) };
        Ok(keyspace.claim(&resource.to_string())?.map(|(owner, id)| Claim { owner, id }))
    }

    async fn prepare_claims(&self, _: &Identifier) -> Result<(), AdminError> {
        // The file of the keyspace is created with the table of claims.
        Ok(())
    }

    async fn record_claim(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
        owner: &Owner,
        id: Option<&str>,
    ) -> Result<(), AdminError> {
        Ok(self.open(keyspace)?.record_claim(&resource.to_string(), owner.as_str(), id)?)
    }

    async fn delete_claim(&self, keyspace: &Identifier, resource: &Resource) -> Result<(), AdminError> {
        Ok(self.open(keyspace)?.delete_claim(&resource.to_string())?)
    }

    async fn acquire_lock(&self, _: &Identifier, _: &str) -> Result<bool, AdminError> {
        match self {
            Self::ReadWrite(_) => Ok(true),
            Self::ReadOnly(_) => Err(read_only()),
        }
    }

    async fn release_lock(&self, _: &Identifier, _: &str) -> Result<(), AdminError> {
        Ok(())
    }
}

impl From<TableDescription> for ObservedTable {
    fn from(table: TableDescription) -> Self {
        let kind = |kind| match kind {
            embedded::EmbeddedColumnKind::PartitionKey(position) => ColumnKind::PartitionKey(position),
            embedded::EmbeddedColumnKind::Clustering(position) => ColumnKind::Clustering(position),
            embedded::EmbeddedColumnKind::Regular => ColumnKind::Regular,
        };
        let columns = table.columns.into_iter();
        Self {
            id: table.id,
            columns: columns
                .map(|column| {
                    (column.name, ObservedColumn { cql_type: column.cql_type, kind: kind(column.kind) })
                })
                .collect(),
            options: options(&table.options),
        }
    }
}

fn embedded_kind(kind: ColumnKind) -> embedded::EmbeddedColumnKind {
    match kind {
        ColumnKind::PartitionKey(position) => embedded::EmbeddedColumnKind::PartitionKey(position),
        ColumnKind::Clustering(position) => embedded::EmbeddedColumnKind::Clustering(position),
        ColumnKind::Static | ColumnKind::Regular => embedded::EmbeddedColumnKind::Regular,
    }
}

/// Options by their CQL names, with the settings of the compaction prefixed by `compaction.`.
fn option_map(options: &TableOptions) -> BTreeMap<String, String> {
    let seconds =
        |name: &str, duration: Option<Duration>| Some((name.to_owned(), duration?.as_secs().to_string()));
    let compaction = options.compaction.iter().flatten();
    [
        seconds("default_time_to_live", options.default_time_to_live),
        options.comment.as_ref().map(|comment| ("comment".to_owned(), comment.clone())),
        seconds("gc_grace_seconds", options.gc_grace),
    ]
    .into_iter()
    .flatten()
    .chain(compaction.map(|(name, value)| (format!("compaction.{name}"), value.clone())))
    .collect()
}

fn options(map: &BTreeMap<String, String>) -> TableOptions {
    let seconds = |name| map.get(name).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let compaction: BTreeMap<String, String> = map
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("compaction.")?.to_owned(), value.clone())))
        .collect();
    TableOptions {
        default_time_to_live: seconds("default_time_to_live"),
        comment: map.get("comment").cloned(),
        gc_grace: seconds("gc_grace_seconds"),
        compaction: (!compaction.is_empty()).then_some(compaction),
    }
}

#[cfg(test)]
mod tests;
