//! The Cassandra cluster, the keyspace and the table.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use crate::resource::kafka::{AdoptionPolicy, DeletionPolicy};
use crate::resource::sink::{Consistency, CqlType, Evolution, KeyspaceManagementPolicy};
use crate::scalar::identifier::{DatacenterName, HostPort, Identifier, SecretName};

/// A Cassandra cluster and how to connect to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cassandra {
    /// The nodes to connect to first. There is at least one.
    pub contact_points: Vec<HostPort>,
    /// The datacenter whose nodes take the requests.
    pub local_datacenter: DatacenterName,
    /// How connections are encrypted; `None`: they are not.
    pub tls: Option<CassandraTls>,
    /// The Secret with the keys `username` and `password`; `None`: no authentication.
    pub credentials: Option<SecretName>,
    /// The consistency level of a row's write.
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
    /// The replication that it is created with.
    pub replication: Replication,
    /// What creates it.
    pub management: KeyspaceManagementPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
}

/// The replication of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replication {
    /// The copies of a row in each datacenter. There is at least one datacenter.
    NetworkTopology(BTreeMap<DatacenterName, NonZeroU16>),
    /// The copies of a row, anywhere.
    Simple(NonZeroU16),
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its keyspace.
    pub keyspace: Identifier,
    /// Its name.
    pub name: Identifier,
    /// Its columns, in order. There is at least one.
    pub columns: Vec<Column>,
    /// The indexes of the columns of the partition key, in order. There is at least one.
    pub partition_key: Vec<usize>,
    /// The indexes of the clustering columns, in order.
    pub clustering_key: Vec<usize>,
    /// How it follows the declaration where it exists.
    pub evolution: Evolution,
    /// Options under CQL's own names.
    pub options: TableOptions,
    /// Whether a table that the pipeline did not create may be used.
    pub adoption: AdoptionPolicy,
    /// What happens to it when the pipeline is deleted.
    pub deletion: DeletionPolicy,
    /// The write time of a row.
    pub write_time: WriteTime,
}

impl Table {
    /// The indexes of the columns of the primary key, in order.
    pub fn primary_key(&self) -> impl Iterator<Item = usize> + '_ {
        self.partition_key.iter().chain(&self.clustering_key).copied()
    }

    /// The table's name in CQL: `"keyspace"."name"`.
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
    /// Its type: one that holds the field's type, or with `cast` one that it converts to.
    pub cql_type: CqlType,
    /// The index of the field that fills it.
    pub field: usize,
}

/// The write time of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteTime {
    /// The timestamp of the Kafka record.
    LogTimestamp,
    /// The value of the required timestamp field with this index.
    Field(usize),
}

/// Options of a table; `None` leaves the table's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// The time after which a row expires, in whole seconds; zero is never.
    pub default_time_to_live: Option<Duration>,
    /// The comment of the table.
    pub comment: Option<String>,
    /// How long tombstones are kept, in whole seconds.
    pub gc_grace: Option<Duration>,
    /// The compaction strategy and its settings.
    pub compaction: Option<BTreeMap<String, String>>,
}
