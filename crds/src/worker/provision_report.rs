//! What a run of provisioning or cleanup found and did, for people and programs: the worker writes it into its termination
//! message, and the operator reads it there. What another version of the worker left out or added is no obstacle.

use serde::{Deserialize, Serialize};

use crate::model::Mode;

/// What a run found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProvisionReport {
    /// Whether changes were made or only planned.
    pub mode: Mode,
    /// The changes that were made, or would be.
    pub changes: Vec<ReportLine>,
    /// Differences that are left as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<ReportLine>,
    /// Why nothing was changed, or could be. Empty when the pipeline can run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// The topic of the records, where it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicReport>,
    /// The table, where it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableReport>,
    /// How many lines were left out to keep the message short.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// Something about one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportLine {
    /// `topic/users_created`, `keyspace/…` or `table/…`.
    #[serde(default)]
    pub resource: String,
    /// The line for people: `topic users_created: partitions 3 -> 6`.
    pub text: String,
    /// The last statement that makes the change, for tables and keyspaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// Why something cannot be as the pipeline wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// `topic/users_created`, `keyspace/…` or `table/…`.
    pub resource: String,
    /// A name for programs, from a fixed set.
    pub reason: RefusalReason,
    /// What is wrong, and the way out.
    pub text: String,
}

/// Why something cannot be as the pipeline wants it, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalReason {
    /// Fewer partitions than there are.
    Shrink,
    /// It exists, and is not to be adopted.
    Exists,
    /// Another pipeline's.
    Conflict,
    /// It does not exist, and is not to be created by us. Somebody else may create it any time.
    Missing,
    /// Replication that the cluster cannot keep.
    Replication,
    /// Another primary key.
    PrimaryKey,
    /// Another type of a column.
    ColumnType,
    /// Columns that are missing and not to be added.
    MissingColumns,
    /// A reason that another version of the worker has, and this one does not know.
    #[serde(other)]
    Refused,
}

impl RefusalReason {
    /// The name for programs.
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
    /// The id that Kafka gave it; none where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many brokers keep a copy; none where that has no meaning.
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
    /// The id that Cassandra gave it.
    pub table_id: String,
    /// Whether this pipeline created it.
    #[serde(default)]
    pub created_by_us: bool,
    /// The last statement of this run that changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ddl: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ProvisionReport {
    /// The lines for people: first what is refused, then the changes, then what is different and left so.
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
    fn a_reason_is_called_the_same_in_a_condition_and_in_a_message() {
        for reason in ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            assert_eq!(serde_json::from_value::<RefusalReason>(reason.name().into()).unwrap(), reason);
        }
    }

    #[test]
    fn a_report_of_another_version_is_read() {
        let told = serde_json::json!({
            "refusals": [{"resource": "subject/users", "reason": "Incompatible", "text": "no", "since": 3}],
            "changes": [{"text": "topic users: created"}],
            "topic": {"name": "users", "partitions": 3},
            "subjects": [],
        });
        let report: ProvisionReport = serde_json::from_value(told).unwrap();
        assert_eq!(report.refusals[0].reason, RefusalReason::Refused);
        assert_eq!(report.lines().collect::<Vec<_>>(), ["no", "topic users: created"]);
        assert_eq!(report.topic.map(|topic| topic.partitions), Some(3));
    }
}
