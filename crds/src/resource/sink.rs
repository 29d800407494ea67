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
    /// Where to reach the cluster first: host:port; the port defaults to 9042.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 261)))]
    pub contact_points: Vec<String>,
    /// The datacenter whose nodes are talked to. Default: datacenter1, as Cassandra names its first one.
    #[serde(default = "local_datacenter")]
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::DATACENTER, "self.matches('^[a-zA-Z0-9._-]+$')"),
    ]))]
    pub local_datacenter: String,
    /// Encrypts connections to the nodes. `{}` trusts the public certificate authorities. Default: no encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TrustSpec>,
    /// Authenticates with a user name and a password. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<CassandraAuthSpec>,
    /// The keyspace of the table.
    pub keyspace: KeyspaceSpec,
    /// The table.
    pub table: TableSpec,
    /// How many replicas acknowledge a row before it counts as written. Default: LOCAL_QUORUM.
    #[serde(default)]
    pub consistency: Consistency,
    /// The required timestamp field that is the write time of a row, so that the newest record wins in whatever order
    /// records arrive. A field of `$fetchedAt` stands for the record's Kafka timestamp, which the producer takes from it.
    /// Default: the record's Kafka timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    pub writetime_from: Option<String>,
}

fn local_datacenter() -> String {
    "datacenter1".to_owned()
}

/// Password authentication to Cassandra.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CassandraAuthSpec {
    /// The Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// How many replicas acknowledge a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consistency {
    /// One, in any datacenter.
    One,
    /// Two, in any datacenter.
    Two,
    /// Three, in any datacenter.
    Three,
    /// A majority over all datacenters.
    Quorum,
    /// All.
    All,
    /// One in the local datacenter.
    LocalOne,
    /// A majority in the local datacenter.
    #[default]
    LocalQuorum,
    /// A majority in each datacenter.
    EachQuorum,
}
