//! `spec.sink.cassandra.keyspace`: the keyspace of the table.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::kafka::DeletionPolicy;
use crate::rules;

/// A keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyspaceSpec {
    /// The name of the keyspace: a lower-case letter, then up to 47 lower-case letters, digits or underscores. It
    /// cannot change.
    #[schemars(length(min = 1, max = 48))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::IDENTIFIER, rules::IDENTIFIER_CEL),
        rules::cel(&rules::SYSTEM_KEYSPACE, "!self.startsWith('system')"),
        rules::cel(&rules::KEYSPACE_NAME_KEPT, "self == oldSelf"),
    ]))]
    pub name: String,
    /// The replication as in CQL: `{class: NetworkTopologyStrategy, dc1: 3}` or `{class: SimpleStrategy,
    /// replication_factor: 1}`. Used when the keyspace is created; a difference later is only reported. Default: 3
    /// copies in the local datacenter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationSpec>,
    /// What creates the keyspace. `Managed`: the pipeline does, where it is missing. `Observe`: it must exist. Default:
    /// Managed.
    #[serde(default)]
    pub management_policy: KeyspaceManagementPolicy,
    /// What happens to the keyspace when the pipeline is deleted: `Retain` keeps it, `Delete` drops it if the pipeline
    /// created it and no table is left in it, which needs `table.deletionPolicy: Delete`. Default: Retain.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What creates a keyspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyspaceManagementPolicy {
    /// The pipeline creates it where it is missing.
    #[default]
    Managed,
    /// It must exist.
    Observe,
}

/// The most copies of a row that a datacenter may keep.
pub const MOST_COPIES: u16 = 32;

/// The replication of a keyspace as in CQL: the class, and the number of copies by datacenter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplicationSpec {
    /// `class`, and copies by datacenter, or by `replication_factor` for SimpleStrategy.
    pub entries: BTreeMap<String, ReplicationValue>,
}

/// A value in the replication of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReplicationValue {
    /// A number of copies.
    Copies(i64),
    /// The class.
    Class(String),
}

impl JsonSchema for ReplicationSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReplicationSpec".into()
    }

    // A structural schema may not name properties beside `additionalProperties`, so the class is checked by a rule.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 17,
            "x-kubernetes-validations": [rules::cel(&rules::REPLICATION, &replication_cel())],
            "additionalProperties": {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": true,
            },
        })
    }
}

/// A value is compared with all numbers of copies: the API server would estimate the cost of a pattern for the longest
/// text that the map may hold.
fn replication_cel() -> String {
    let numbers: Vec<String> = (1..=MOST_COPIES).map(|copies| copies.to_string()).collect();
    let copies = format!("self[k] in [{}]", numbers.join(", "));
    let datacenter = "k != 'replication_factor' && k.matches('^[a-zA-Z0-9._-]{1,48}$')";
    format!(
        "'class' in self && size(self) >= 2 && (self['class'] == 'SimpleStrategy' \
         ? size(self) == 2 && self.all(k, k == 'class' || (k == 'replication_factor' && {copies})) \
         : self['class'] == 'NetworkTopologyStrategy' && self.all(k, k == 'class' || ({datacenter} && {copies})))"
    )
}
