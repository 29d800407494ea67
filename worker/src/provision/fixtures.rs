//! Keyspaces and tables for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use userstream_crds::identifier::Identifier;
use userstream_crds::model::{
    AdoptionPolicy, Column, CqlType, DeletionPolicy, Evolution, Keyspace, KeyspaceManagementPolicy,
    Replication, Table, TableOptions, WriteTime,
};

use super::table::{ObservedColumn, ObservedTable, kind_of};

pub(super) fn name(text: &str) -> Identifier {
    text.parse().unwrap()
}

pub(super) fn keyspace() -> Keyspace {
    Keyspace {
        name: name("spark_streams"),
        replication: Replication::NetworkTopology([("dc1".parse().unwrap(), 1.try_into().unwrap())].into()),
        management: KeyspaceManagementPolicy::Managed,
        deletion: DeletionPolicy::Retain,
    }
}

/// A table with these columns, keyed by the first.
pub(super) fn table(columns: &[(&str, CqlType)]) -> Table {
    let column = |(field, (column, cql_type)): (usize, &(&str, CqlType))| Column {
        name: name(column),
        cql_type: *cql_type,
        field,
    };
    Table {
        keyspace: name("spark_streams"),
        name: name("created_users"),
        columns: columns.iter().enumerate().map(column).collect(),
        partition_key: vec![0],
        clustering_key: Vec::new(),
        evolution: Evolution::AdditiveOnly,
        options: TableOptions::default(),
        adoption: AdoptionPolicy::Fail,
        deletion: DeletionPolicy::Retain,
        write_time: WriteTime::LogTimestamp,
    }
}

/// The names of a table's columns.
pub(super) fn columns(table: &Table) -> impl Iterator<Item = &str> {
    table.columns.iter().map(|column| column.name.as_str())
}

/// A table as Cassandra describes it after its creation.
pub(super) fn observe(table: &Table) -> ObservedTable {
    let column = |(index, column): (usize, &Column)| {
        let observed =
            ObservedColumn { cql_type: column.cql_type.name().to_owned(), kind: kind_of(table, index) };
        (column.name.to_string(), observed)
    };
    let defaults = BTreeMap::from([("class".to_owned(), "o.a.SizeTieredCompactionStrategy".to_owned())]);
    let options = &table.options;
    ObservedTable {
        id: "5b1c7a70-0000-11f0-8000-000000000001".to_owned(),
        columns: table.columns.iter().enumerate().map(column).collect(),
        options: TableOptions {
            default_time_to_live: options.default_time_to_live.or(Some(Duration::ZERO)),
            comment: options.comment.clone().or(Some(String::new())),
            gc_grace: options.gc_grace.or(Some(Duration::from_secs(864_000))),
            compaction: options.compaction.clone().or(Some(defaults)),
        },
    }
}
