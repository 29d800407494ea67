//! What a run of provisioning or cleanup found and did, for people and programs.

use serde::{Deserialize, Serialize};
use userstream_crds::model::Mode;

use crate::exit::Shorten;

/// What a run found and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether changes were made or only planned.
    pub mode: Mode,
    /// The changes that were made, or would be.
    pub changes: Vec<ReportLine>,
    /// Differences that are left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<ReportLine>,
    /// Why nothing was changed, or could be. Empty when the pipeline can run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// The topic of the records, where it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicReport>,
    /// The table, where it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableReport>,
    /// How many lines were left out to keep the message short.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// Something about one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportLine {
    /// `topic/users_created`, `keyspace/…` or `table/…`.
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
    pub created_by_us: bool,
    /// The last statement of this run that changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ddl: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Report {
    pub(super) fn new(mode: Mode) -> Self {
        let (changes, drift, refusals) = (Vec::new(), Vec::new(), Vec::new());
        Self { mode, changes, drift, refusals, topic: None, table: None, left_out: 0 }
    }

    /// The lines for people: first what is refused, then the changes, then what is different and left so.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let refusals = self.refusals.iter().map(|refusal| refusal.text.as_str());
        refusals.chain(self.changes.iter().chain(&self.drift).map(|line| line.text.as_str()))
    }

    fn drop_statements(&mut self) -> bool {
        let lines = self.changes.iter_mut().filter_map(|line| line.statement.take()).count();
        let ddl = self.table.as_mut().and_then(|table| table.last_ddl.take_if(|ddl| ddl.len() > 1024));
        lines > 0 || ddl.is_some()
    }

    fn drop_drift(&mut self) -> bool {
        self.left_out += usize::from(!self.drift.is_empty());
        self.drift.pop().is_some()
    }

    fn drop_change(&mut self) -> bool {
        self.left_out += usize::from(!self.changes.is_empty());
        self.changes.pop().is_some()
    }

    fn drop_refusal(&mut self) -> bool {
        self.left_out += usize::from(!self.refusals.is_empty());
        self.refusals.pop().is_some()
    }
}

impl Shorten for Report {
    /// Statements go first, then drift, changes and refusals, the last ones first; `leftOut` counts the lines.
    fn shorten(&mut self) -> bool {
        self.drop_statements() || self.drop_drift() || self.drop_change() || self.drop_refusal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, TerminationMessage};

    fn line(number: usize, length: usize) -> ReportLine {
        ReportLine {
            resource: "table/created_users".to_owned(),
            text: format!("{number:03}{}", "x".repeat(length)),
            statement: Some("ALTER TABLE".repeat(9)),
        }
    }

    fn report(changes: usize, drift: usize, length: usize) -> Report {
        let lines = |count| (0..count).map(|number| line(number, length)).collect();
        Report { changes: lines(changes), drift: lines(drift), ..Report::new(Mode::Apply) }
    }

    /// What the termination message says of a report.
    fn told(report: Report) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination-log");
        TerminationMessage { outcome: Exit::Ok, message: "", details: Some(report) }.write(&path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.len() <= 4096, "{} bytes", text.len());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_short_report_is_told_whole() {
        let mut whole = report(2, 1, 10);
        whole.refusals.push(Refusal {
            resource: "topic/users".to_owned(),
            reason: RefusalReason::Shrink,
            text: "too few".to_owned(),
        });
        assert_eq!(told(whole.clone()), whole);
        assert_eq!(whole.lines().next(), Some("too few"));
    }

    #[test]
    fn a_long_report_keeps_what_matters_and_counts_the_rest() {
        for (changes, drift, length) in [(20, 0, 100), (5, 100, 300), (500, 500, 1_000), (1, 0, 1_000_000)] {
            let read = told(report(changes, drift, length));
            assert_eq!(read.changes.len() + read.drift.len() + read.left_out, changes + drift);
            assert!(
                read.drift.is_empty() || read.changes.len() == changes,
                "drift is left out before changes"
            );
        }
    }
}
