//! The diff of a table: desired, observed, and the smallest change between the two. Pure.

mod options;

use std::collections::BTreeMap;
use std::fmt;

use userstream_crds::identifier::Identifier;
use userstream_crds::model::{AdoptionPolicy, CqlType, Evolution, Table, TableOptions};

use super::cql;
use super::resource::Ownership;
use options::{OptionsChange, different_options};

pub use options::OptionsDrift;

/// An existing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTable {
    /// The id that Cassandra assigned.
    pub id: String,
    /// Its columns by name.
    pub columns: BTreeMap<String, ObservedColumn>,
    /// Its options. `None` where they are unknown.
    pub options: TableOptions,
}

/// An existing column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedColumn {
    /// Its CQL type.
    pub cql_type: String,
    /// Its place in the primary key.
    pub kind: ColumnKind,
}

/// The place of a column in the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnKind {
    /// The component of the partition key with this index, from 0.
    PartitionKey(u32),
    /// The component of the clustering key with this index, from 0.
    Clustering(u32),
    /// One value per partition.
    Static,
    /// Not in the primary key.
    Regular,
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableChange {
    /// Create it as declared.
    Create,
    /// Add columns.
    AddColumns(Vec<(Identifier, CqlType)>),
    /// Set the options that are `Some`.
    AlterOptions {
        /// The observed options.
        from: TableOptions,
        /// The new values.
        to: TableOptions,
    },
}

/// The plan for a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TablePlan {
    /// The changes, in order.
    pub changes: Vec<TableChange>,
    /// Options that differ, and are not changed because `evolution` is `Manual`.
    pub drift: Option<OptionsDrift>,
}

/// Why a table cannot be changed to the declared one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableRefusal {
    /// Cassandra cannot change a primary key.
    #[error(
        "table {table} has the primary key {observed} and the pipeline declares {desired}: a primary key cannot be \
         changed; use another table"
    )]
    PrimaryKey {
        /// The table.
        table: String,
        /// Its primary key, in the notation of CQL.
        observed: String,
        /// The declared primary key.
        desired: String,
    },
    /// Cassandra cannot change the type of a column.
    #[error(
        "column {column} of table {table} is {observed} and the pipeline declares {desired}: a type cannot be changed; \
         set type: {observed}, or use another column"
    )]
    ColumnType {
        /// The table.
        table: String,
        /// The column.
        column: Identifier,
        /// Its type.
        observed: String,
        /// The declared type.
        desired: &'static str,
    },
    /// A static column holds one value per partition.
    #[error(
        "column {column} of table {table} is static and the pipeline writes one value per row; use another column"
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
        /// The statement that adds them.
        statement: String,
    },
    /// It exists, no pipeline created it, and it must not be adopted.
    #[error(
        "table {table} exists and was not created by this pipeline; set adoptionPolicy: Adopt to use it, or choose \
         another name"
    )]
    Exists {
        /// The table.
        table: String,
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
        /// The table of the claims.
        claims: String,
    },
}

/// Plans the smallest change from the observed to the desired table.
///
/// # Errors
/// When the change is impossible or not allowed, so that nothing must be changed.
pub fn plan(
    desired: &Table,
    observed: Option<&ObservedTable>,
    ownership: &Ownership,
) -> Result<TablePlan, TableRefusal> {
    let Some(observed) = observed else {
        return Ok(TablePlan { changes: vec![TableChange::Create], drift: None });
    };
    match (ownership, desired.adoption) {
        (Ownership::Own, _) | (Ownership::Unclaimed, AdoptionPolicy::Adopt) => {}
        (Ownership::Unclaimed, AdoptionPolicy::Fail) => {
            return Err(TableRefusal::Exists { table: full_name(desired) });
        }
        // Two pipelines would write into one table, whatever the policy.
        (Ownership::Other { owner }, _) => {
            let claims = format!("{}.{}", desired.keyspace, cql::CLAIMS_TABLE);
            return Err(TableRefusal::Conflict { table: full_name(desired), owner: owner.clone(), claims });
        }
    }
    let (observed_key, desired_key) = (observed_key(observed), desired_key(desired));
    if observed_key != desired_key {
        let (observed, desired_key) = (observed_key.to_string(), desired_key.to_string());
        return Err(TableRefusal::PrimaryKey { table: full_name(desired), observed, desired: desired_key });
    }
    let missing = missing_columns(desired, observed)?;
    let options = different_options(&desired.options, &observed.options);
    let observed_options = || observed.options.clone();
    match desired.evolution {
        Evolution::Manual if !missing.is_empty() => Err(TableRefusal::MissingColumns {
            table: full_name(desired),
            statement: cql::add_columns(desired, &missing),
        }),
        Evolution::Manual => {
            let drift = options.map(|desired| OptionsDrift::new(observed_options(), desired));
            Ok(TablePlan { changes: Vec::new(), drift })
        }
        Evolution::AdditiveOnly => {
            let columns = (!missing.is_empty()).then_some(TableChange::AddColumns(missing));
            let options = options.map(|to| TableChange::AlterOptions { from: observed_options(), to });
            Ok(TablePlan { changes: columns.into_iter().chain(options).collect(), drift: None })
        }
    }
}

/// The desired columns that the observed table lacks.
///
/// # Errors
/// When an existing column cannot hold the values of the desired one.
fn missing_columns(
    desired: &Table,
    observed: &ObservedTable,
) -> Result<Vec<(Identifier, CqlType)>, TableRefusal> {
    let mut missing = Vec::new();
    for column in &desired.columns {
        let Some(observed) = observed.columns.get(column.name.as_str()) else {
            missing.push((column.name.clone(), column.cql_type));
            continue;
        };
        let (table, name, desired) = (full_name(desired), column.name.clone(), column.cql_type.name());
        if observed.cql_type != desired {
            let observed = observed.cql_type.clone();
            return Err(TableRefusal::ColumnType { table, column: name, observed, desired });
        }
        if observed.kind == ColumnKind::Static {
            return Err(TableRefusal::StaticColumn { table, column: name });
        }
    }
    Ok(missing)
}

/// The place of a column in the primary key of a desired table.
pub(super) fn kind_of(table: &Table, column: usize) -> ColumnKind {
    let index_in =
        |key: &[usize]| key.iter().position(|of| *of == column).and_then(|index| u32::try_from(index).ok());
    match (index_in(&table.partition_key), index_in(&table.clustering_key)) {
        (Some(index), _) => ColumnKind::PartitionKey(index),
        (None, Some(index)) => ColumnKind::Clustering(index),
        (None, None) => ColumnKind::Regular,
    }
}

/// The table with its keyspace: `spark_streams.created_users`.
fn full_name(table: &Table) -> String {
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
    let names = |matches: fn(ColumnKind) -> bool| {
        columns.iter().filter(|(kind, _)| matches(*kind)).map(|(_, name)| (*name).clone()).collect()
    };
    PrimaryKey {
        partition: names(|kind| matches!(kind, ColumnKind::PartitionKey(_))),
        clustering: names(|kind| matches!(kind, ColumnKind::Clustering(_))),
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
    /// The change for people: `table spark_streams.created_users: add column nat text`.
    pub fn describe(&self, table: &Table) -> String {
        let name = full_name(table);
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
                format!("table {name}: {}", OptionsChange { from, to, separator: " -> " })
            }
        }
    }

    /// The statement that applies the change.
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
