//! Shortens a provisioning report that does not fit into the termination message.

use userstream_crds::provision_report::ProvisionReport;

use crate::command::exit::Shorten;

impl Shorten for ProvisionReport {
    /// Drops statements first, then lines of drift, changes and refusals from their ends. `leftOut` counts the lines.
    fn shorten(&mut self) -> bool {
        if drop_statements(self) {
            return true;
        }
        let dropped =
            self.drift.pop().is_some() || self.changes.pop().is_some() || self.refusals.pop().is_some();
        self.left_out += usize::from(dropped);
        dropped
    }
}

fn drop_statements(report: &mut ProvisionReport) -> bool {
    let lines = report.changes.iter_mut().filter_map(|line| line.statement.take()).count();
    let ddl = report.table.as_mut().and_then(|table| table.last_ddl.take_if(|ddl| ddl.len() > 1024));
    lines > 0 || ddl.is_some()
}

#[cfg(test)]
mod tests {
    use userstream_crds::provision_report::{Refusal, RefusalReason, ReportLine};

    use super::*;
    use crate::command::exit::{Exit, TerminationMessage};

    fn line(number: usize, length: usize) -> ReportLine {
        ReportLine {
            resource: "table/created_users".to_owned(),
            text: format!("{number:03}{}", "x".repeat(length)),
            statement: Some("ALTER TABLE".repeat(9)),
        }
    }

    fn report(changes: usize, drift: usize, length: usize) -> ProvisionReport {
        let lines = |count| (0..count).map(|number| line(number, length)).collect();
        ProvisionReport { changes: lines(changes), drift: lines(drift), ..ProvisionReport::default() }
    }

    /// The report in the termination message.
    fn written(report: ProvisionReport) -> ProvisionReport {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination-log");
        TerminationMessage { outcome: Exit::Ok, message: "", details: Some(report) }.write(&path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.len() <= 4096, "{} bytes", text.len());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn short_report_is_complete() {
        let mut whole = report(2, 1, 10);
        whole.refusals.push(Refusal {
            resource: "topic/users".to_owned(),
            reason: RefusalReason::Shrink,
            text: "too few".to_owned(),
        });
        assert_eq!(written(whole.clone()), whole);
        assert_eq!(whole.lines().next(), Some("too few"));
    }

    #[test]
    fn long_report_keeps_changes_and_counts_the_rest() {
        for (changes, drift, length) in [(20, 0, 100), (5, 100, 300), (500, 500, 1_000), (1, 0, 1_000_000)] {
            let read = written(report(changes, drift, length));
            assert_eq!(read.changes.len() + read.drift.len() + read.left_out, changes + drift);
            assert!(
                read.drift.is_empty() || read.changes.len() == changes,
                "drift is dropped before changes"
            );
        }
    }
}
