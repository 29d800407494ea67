//! `spec.sink`: the table that records end in.

mod cql_type;
mod keyspace;
mod table;

pub use cql_type::CqlType;
pub use keyspace::{KeyspaceManagementPolicy, KeyspaceSpec, MOST_COPIES, ReplicationSpec, ReplicationValue};
pub use table::{ColumnSpec, Evolution, TableOptionsSpec, TableSpec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::secret::SecretRef;
use crate::resource::source::TrustSpec;
use crate::rules;

/// Where records end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SinkSpec {
    /// A table of a Cassandra (or ScyllaDB) cluster.
    pub cassandra: CassandraSpec,
}

/// A table of a Cassandra cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraSpec {
    /// The nodes to connect to first: host:port; the port defaults to 9042.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 261)))]
    pub contact_points: Vec<String>,
    /// The datacenter whose nodes take the requests. Default: datacenter1, Cassandra's name for its first one.
    #[serde(default = "local_datacenter")]
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::DATACENTER, "self.matches('^[a-zA-Z0-9._-]+$')"),
    ]))]
    pub local_datacenter: String,
    /// TLS to the nodes. `{}` trusts the public certificate authorities. Default: no encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TrustSpec>,
    /// Authentication with a user name and a password. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<CassandraAuthSpec>,
    /// The keyspace of the table.
    pub keyspace: KeyspaceSpec,
    /// The table. One that exists is used if its primary key and column types fit, and no other pipeline created it.
    pub table: TableSpec,
    /// The consistency level of a row's write. Default: LOCAL_QUORUM.
    #[serde(default)]
    pub consistency: Consistency,
    /// The required timestamp field that becomes the write time of a row, so that the newest record wins in whatever
    /// order records arrive. A field with `from: $fetchedAt` stands for the record's Kafka timestamp, which the
    /// producer sets to the same time. Default: the record's Kafka timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub writetime_from: Option<String>,
}

fn local_datacenter() -> String {
    "datacenter1".to_owned()
}

/// Authentication to Cassandra with a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraAuthSpec {
    /// The Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// The consistency level of a write: the replicas that acknowledge it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consistency {
    /// One replica, in any datacenter.
    One,
    /// Two replicas, in any datacenter.
    Two,
    /// Three replicas, in any datacenter.
    Three,
    /// A majority over all datacenters.
    Quorum,
    /// All replicas.
    All,
    /// One replica in the local datacenter.
    LocalOne,
    /// A majority in the local datacenter.
    #[default]
    LocalQuorum,
    /// A majority in each datacenter.
    EachQuorum,
}
