//! A table as a pipeline wants it, as it is, and the smallest change from the one to the other. Pure.

mod options;

use std::collections::BTreeMap;
use std::fmt;

use userstream_crds::identifier::Identifier;
use userstream_crds::model::{CqlType, Evolution, Table, TableOptions};

use super::cql;
use super::resource::Origin;
use options::{OptionsChange, different_options};

pub use options::OptionsDrift;

/// A table as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTable {
    /// The id that Cassandra gave it.
    pub id: String,
    /// Its columns by name.
    pub columns: BTreeMap<String, ObservedColumn>,
    /// Its options; none where they cannot be told.
    pub options: TableOptions,
}

/// A column as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedColumn {
    /// Its type, as CQL names it.
    pub cql_type: String,
    /// What it is to the primary key.
    pub kind: ColumnKind,
}

/// What a column is to the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnKind {
    /// The part of the partition key with this number, from 0.
    PartitionKey(u32),
    /// The part of the clustering key with this number, from 0.
    Clustering(u32),
    /// One value for a whole partition.
    Static,
    /// No part of it.
    Regular,
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// It is created as the pipeline wants it.
    Create,
    /// It gets more columns.
    AddColumns(Vec<(Identifier, CqlType)>),
    /// Its options get other values: those that are some.
    AlterOptions {
        /// What they are.
        from: TableOptions,
        /// What they become.
        to: TableOptions,
    },
}

/// What to do to a table, and what is different and left so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TablePlan {
    /// The changes, in order.
    pub changes: Vec<TableChange>,
    /// Options that are different, and left so because `evolution` is Manual.
    pub drift: Option<OptionsDrift>,
}

/// Why a table cannot become what the pipeline wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableRefusal {
    /// The primary key of a table never changes.
    #[error(
        "table {table} has the primary key {present} and the pipeline wants {wanted}: a primary key cannot be changed; \
         use another table"
    )]
    PrimaryKey {
        /// The table.
        table: String,
        /// Its key, as CQL writes it.
        present: String,
        /// The key that is wanted.
        wanted: String,
    },
    /// The type of a column never changes.
    #[error(
        "column {column} of table {table} is {present} and the pipeline wants {wanted}: a type cannot be changed; set \
         type: {present}, or use another column"
    )]
    ColumnType {
        /// The table.
        table: String,
        /// The column.
        column: Identifier,
        /// Its type.
        present: String,
        /// The type that is wanted.
        wanted: &'static str,
    },
    /// A static column holds one value for a whole partition.
    #[error(
        "column {column} of table {table} is static and the pipeline writes one value a row; use another column"
    )]
    StaticColumn {
        /// The table.
        table: String,
        /// The column.
        column: Identifier,
    },
    /// Columns are missing, and `evolution: Manual` does not add them.
    #[error(
        "table {table} lacks columns, and evolution: Manual does not add them; add them with {statement}"
    )]
    MissingColumns {
        /// The table.
        table: String,
        /// What adds them.
        statement: String,
    },
    /// Another pipeline created it.
    #[error(
        "table {table} was created by the pipeline {owner}; choose another table, or delete its row from {claims} if that \
         pipeline is gone"
    )]
    Conflict {
        /// The table.
        table: String,
        /// The other pipeline, as `namespace/name`.
        owner: String,
        /// Where that is recorded.
        claims: String,
    },
}

/// What turns an observed table into the desired one: as little as possible, or a refusal.
///
/// # Errors
/// When what is wanted is impossible or not allowed. Nothing is to be changed then.
pub fn plan(
    desired: &Table,
    observed: Option<&ObservedTable>,
    origin: &Origin,
) -> Result<TablePlan, TableRefusal> {
    let Some(observed) = observed else {
        return Ok(TablePlan { changes: vec![TableChange::Create], drift: None });
    };
    let table = || shown(desired);
    if let Origin::Theirs { owner } = origin {
        let claims = format!("{}.{}", desired.keyspace, cql::CLAIMS_TABLE);
        return Err(TableRefusal::Conflict { table: table(), owner: owner.clone(), claims });
    }
    let (present, wanted) = (observed_key(observed), desired_key(desired));
    if present != wanted {
        let (present, wanted) = (present.to_string(), wanted.to_string());
        return Err(TableRefusal::PrimaryKey { table: table(), present, wanted });
    }
    let mut missing = Vec::new();
    for column in &desired.columns {
        let Some(present) = observed.columns.get(column.name.as_str()) else {
            missing.push((column.name.clone(), column.cql_type));
            continue;
        };
        if present.cql_type != column.cql_type.name() {
            let (column, present, wanted) =
                (column.name.clone(), present.cql_type.clone(), column.cql_type.name());
            return Err(TableRefusal::ColumnType { table: table(), column, present, wanted });
        }
        if present.kind == ColumnKind::Static {
            return Err(TableRefusal::StaticColumn { table: table(), column: column.name.clone() });
        }
    }
    let options = different_options(&desired.options, &observed.options);
    let present = || observed.options.clone();
    match desired.evolution {
        Evolution::Manual if !missing.is_empty() => Err(TableRefusal::MissingColumns {
            table: table(),
            statement: cql::add_columns(desired, &missing),
        }),
        Evolution::Manual => {
            let drift = options.map(|wanted| OptionsDrift::new(present(), wanted));
            Ok(TablePlan { changes: Vec::new(), drift })
        }
        Evolution::AdditiveOnly => {
            let columns = (!missing.is_empty()).then_some(TableChange::AddColumns(missing));
            let options = options.map(|to| TableChange::AlterOptions { from: present(), to });
            Ok(TablePlan { changes: columns.into_iter().chain(options).collect(), drift: None })
        }
    }
}

/// What a column of a desired table is to its primary key.
pub(super) fn kind_of(table: &Table, column: usize) -> ColumnKind {
    let place = |key: &[usize]| key.iter().position(|of| *of == column).and_then(|at| u32::try_from(at).ok());
    match (place(&table.partition_key), place(&table.clustering_key)) {
        (Some(at), _) => ColumnKind::PartitionKey(at),
        (None, Some(at)) => ColumnKind::Clustering(at),
        (None, None) => ColumnKind::Regular,
    }
}

/// A table for people: `spark_streams.created_users`.
fn shown(table: &Table) -> String {
    format!("{}.{}", table.keyspace, table.name)
}

#[derive(Debug, PartialEq, Eq)]
struct PrimaryKey {
    partition: Vec<String>,
    clustering: Vec<String>,
}

fn desired_key(table: &Table) -> PrimaryKey {
    let names = |key: &[usize]| {
        key.iter()
            .filter_map(|index| table.columns.get(*index))
            .map(|column| column.name.to_string())
            .collect()
    };
    PrimaryKey { partition: names(&table.partition_key), clustering: names(&table.clustering_key) }
}

fn observed_key(table: &ObservedTable) -> PrimaryKey {
    let mut columns: Vec<_> = table.columns.iter().map(|(name, column)| (column.kind, name)).collect();
    columns.sort();
    let of = |chosen: fn(ColumnKind) -> bool| {
        columns.iter().filter(|(kind, _)| chosen(*kind)).map(|(_, name)| (*name).clone()).collect()
    };
    PrimaryKey {
        partition: of(|kind| matches!(kind, ColumnKind::PartitionKey(_))),
        clustering: of(|kind| matches!(kind, ColumnKind::Clustering(_))),
    }
}

impl fmt::Display for PrimaryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "(({})", self.partition.join(", "))?;
        self.clustering.iter().try_for_each(|column| write!(formatter, ", {column}"))?;
        formatter.write_str(")")
    }
}

impl TableChange {
    /// The change of this table, for people: `table spark_streams.created_users: add column nat text`.
    pub fn describe(&self, table: &Table) -> String {
        let name = shown(table);
        match self {
            Self::Create => {
                let columns = table.columns.len();
                format!("table {name}: create, {columns} columns, primary key {}", desired_key(table))
            }
            Self::AddColumns(columns) => {
                let added: Vec<String> = columns
                    .iter()
                    .map(|(column, cql_type)| format!("{column} {}", cql_type.name()))
                    .collect();
                let noun = if added.len() == 1 { "column" } else { "columns" };
                format!("table {name}: add {noun} {}", added.join(", "))
            }
            Self::AlterOptions { from, to } => {
                format!("table {name}: {}", OptionsChange { from, to, between: " -> " })
            }
        }
    }

    /// The statement that makes it.
    pub fn statement(&self, table: &Table) -> String {
        match self {
            Self::Create => cql::create_table(table),
            Self::AddColumns(columns) => cql::add_columns(table, columns),
            Self::AlterOptions { to, .. } => cql::alter_options(table, to),
        }
    }
}

#[cfg(test)]
mod tests;
