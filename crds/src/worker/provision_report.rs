//! The report of provisioning or cleanup. The worker writes it into its termination message, and the operator reads it
//! there. Fields that another version of the worker omits or adds are tolerated.

use serde::{Deserialize, Serialize};

use crate::model::Mode;

/// The report of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProvisionReport {
    /// Whether the changes were made or only computed.
    pub mode: Mode,
    /// The changes.
    pub changes: Vec<ReportLine>,
    /// Differences that the run leaves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<ReportLine>,
    /// Why nothing was changed. Empty when the pipeline can run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// The topic of the records; `None` where it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicReport>,
    /// The table; `None` where it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableReport>,
    /// The number of lines that were dropped to keep the message short.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// A change or difference of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportLine {
    /// `topic/users_created`, `keyspace/…` or `table/…`.
    #[serde(default)]
    pub resource: String,
    /// The text: `topic users_created: partitions 3 -> 6`.
    pub text: String,
    /// The CQL statement of the change, for tables and keyspaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// A resource that cannot become as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// `topic/users_created`, `keyspace/…` or `table/…`.
    pub resource: String,
    /// The reason.
    pub reason: RefusalReason,
    /// What is wrong, and the way out.
    pub text: String,
}

/// Why a resource cannot become as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalReason {
    /// The topic has more partitions than declared.
    Shrink,
    /// It exists, the pipeline did not create it, and `adoptionPolicy` is Fail.
    Exists,
    /// Another pipeline created it.
    Conflict,
    /// It does not exist, and the pipeline must not create it. It may be created at any time.
    Missing,
    /// The cluster has too few nodes, or not the datacenter, for the replication.
    Replication,
    /// The table has another primary key.
    PrimaryKey,
    /// A column has another type.
    ColumnType,
    /// Columns are missing, and `evolution` is Manual.
    MissingColumns,
    /// A reason of another version of the worker.
    #[serde(other)]
    Refused,
}

impl RefusalReason {
    /// The name, as in conditions and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shrink => "Shrink",
            Self::Exists => "Exists",
            Self::Conflict => "Conflict",
            Self::Missing => "Missing",
            Self::Replication => "Replication",
            Self::PrimaryKey => "PrimaryKey",
            Self::ColumnType => "ColumnType",
            Self::MissingColumns => "MissingColumns",
            Self::Refused => "Refused",
        }
    }
}

/// The topic of the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicReport {
    /// Its name.
    pub name: String,
    /// Its id in Kafka; `None` where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// The number of partitions.
    pub partitions: u32,
    /// The replication factor; `None` for an embedded log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u16>,
    /// Whether this pipeline created it.
    #[serde(default)]
    pub created_by_us: bool,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableReport {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// Its id in Cassandra.
    pub table_id: String,
    /// Whether this pipeline created it.
    #[serde(default)]
    pub created_by_us: bool,
    /// The last CQL statement with which this run changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ddl: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ProvisionReport {
    /// The texts: refusals, then changes, then differences.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let refusals = self.refusals.iter().map(|refusal| refusal.text.as_str());
        refusals.chain(self.changes.iter().chain(&self.drift).map(|line| line.text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [RefusalReason; 9] = [
        RefusalReason::Shrink,
        RefusalReason::Exists,
        RefusalReason::Conflict,
        RefusalReason::Missing,
        RefusalReason::Replication,
        RefusalReason::PrimaryKey,
        RefusalReason::ColumnType,
        RefusalReason::MissingColumns,
        RefusalReason::Refused,
    ];

    #[test]
    fn reason_has_one_name_in_conditions_and_messages() {
        for reason in ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            assert_eq!(serde_json::from_value::<RefusalReason>(reason.name().into()).unwrap(), reason);
        }
    }

    #[test]
    fn report_of_another_version_is_read() {
        let written = serde_json::json!({
            "refusals": [{"resource": "subject/users", "reason": "Incompatible", "text": "no", "since": 3}],
            "changes": [{"text": "topic users: created"}],
            "topic": {"name": "users", "partitions": 3},
            "subjects": [],
        });
        let report: ProvisionReport = serde_json::from_value(written).unwrap();
        assert_eq!(report.refusals[0].reason, RefusalReason::Refused);
        assert_eq!(report.lines().collect::<Vec<_>>(), ["no", "topic users: created"]);
        assert_eq!(report.topic.map(|topic| topic.partitions), Some(3));
    }
}
