//! The Cassandra cluster, the keyspace and the table.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use crate::resource::kafka::DeletionPolicy;
use crate::resource::sink::{Consistency, CqlType, Evolution, KeyspaceManagementPolicy};
use crate::scalar::identifier::{DatacenterName, HostPort, Identifier, SecretName};

/// A Cassandra cluster and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cassandra {
    /// Where to reach it first. There is at least one.
    pub contact_points: Vec<HostPort>,
    /// The datacenter whose nodes are talked to.
    pub local_datacenter: DatacenterName,
    /// How connections are encrypted; `None`: not at all.
    pub tls: Option<CassandraTls>,
    /// The Secret with the keys `username` and `password`; `None`: no authentication.
    pub credentials: Option<SecretName>,
    /// How many replicas acknowledge a row.
    pub consistency: Consistency,
}

/// TLS to the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CassandraTls {
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
}

/// A keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyspace {
    /// Its name.
    pub name: Identifier,
    /// How many copies of a row are kept when it is created.
    pub replication: Replication,
    /// Who looks after it.
    pub management: KeyspaceManagementPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
}

/// How many copies of a row are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replication {
    /// So many in each of these datacenters. There is at least one.
    NetworkTopology(BTreeMap<DatacenterName, NonZeroU16>),
    /// So many anywhere.
    Simple(NonZeroU16),
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The keyspace it is in.
    pub keyspace: Identifier,
    /// Its name.
    pub name: Identifier,
    /// Its columns, in order. There is at least one.
    pub columns: Vec<Column>,
    /// The indexes of the columns of the partition key, in order. There is at least one.
    pub partition_key: Vec<usize>,
    /// The indexes of the columns that order rows within a partition, in order.
    pub clustering_key: Vec<usize>,
    /// How it follows a changed schema.
    pub evolution: Evolution,
    /// Options in CQL's own names.
    pub options: TableOptions,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
    /// What the write time of a row is.
    pub write_time: WriteTime,
}

impl Table {
    /// The indexes of the columns of the primary key, in order.
    pub fn primary_key(&self) -> impl Iterator<Item = usize> + '_ {
        self.partition_key.iter().chain(&self.clustering_key).copied()
    }

    /// The table as CQL takes it: `"keyspace"."name"`.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("{}.{}", self.keyspace.quoted(), self.name.quoted())
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Identifier,
    /// Its type: one of the field type's own, or one that it can be cast to where the resource asks for it.
    pub cql_type: CqlType,
    /// The index of the field that fills it.
    pub field: usize,
}

/// What the write time of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteTime {
    /// The timestamp of the Kafka record.
    LogTimestamp,
    /// The value of the required timestamp field with this index.
    Field(usize),
}

/// Options of a table; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// After how long a row expires, in whole seconds; zero is never.
    pub default_time_to_live: Option<Duration>,
    /// A comment.
    pub comment: Option<String>,
    /// How long a deleted row is remembered, in whole seconds.
    pub gc_grace: Option<Duration>,
    /// The compaction strategy and its settings.
    pub compaction: Option<BTreeMap<String, String>>,
}
