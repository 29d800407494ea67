//! What a run of provisioning or cleaning up reports in its termination message.

use serde::Deserialize;

/// What a run of provisioning or cleanup reports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProvisionReport {
    /// The changes that were made, or would be.
    pub changes: Vec<ReportLine>,
    /// Differences that are left as they are.
    pub drift: Vec<ReportLine>,
    /// Why nothing was changed.
    pub refusals: Vec<Refusal>,
    /// The topic of the records, where it exists.
    pub topic: Option<TopicReport>,
    /// The table, where it exists.
    pub table: Option<TableReport>,
}

/// Something about one resource.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReportLine {
    /// The line for people: `topic users_created: partitions 3 -> 6`.
    pub text: String,
}

/// Why something cannot be as the pipeline wants it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Refusal {
    /// `topic/users_created`, `keyspace/...` or `table/...`.
    pub resource: String,
    /// A CamelCase name for programs.
    pub reason: String,
    /// What is wrong, and the way out.
    pub text: String,
}

/// The topic of the records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicReport {
    /// Its name.
    pub name: String,
    /// The id that Kafka gave it.
    #[serde(default)]
    pub topic_id: Option<String>,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many brokers keep a copy.
    #[serde(default)]
    pub replicas: Option<i32>,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableReport {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// The id that Cassandra gave it.
    pub table_id: String,
    /// The last statement of this run that changed it.
    #[serde(default)]
    pub last_ddl: Option<String>,
}
