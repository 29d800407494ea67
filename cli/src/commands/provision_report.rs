//! Prints the report of provisioning, for `usp plan` and for `usp local` under `mode: Plan`.

use std::io;

use userstream_crds::provision_report::ProvisionReport;

use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::terminal::print;

/// Prints a report.
pub(super) fn print_report(report: &ProvisionReport, format: OutputFormat) -> io::Result<Exit> {
    print(&match format {
        OutputFormat::Human => to_text(report),
        OutputFormat::Json => to_json_line(report),
    })?;
    Ok(if report.refusals.is_empty() { Exit::Done } else { Exit::Configuration })
}

fn to_text(report: &ProvisionReport) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: &mut dyn Iterator<Item = &str>| {
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            text.push_str(title);
            text.push('\n');
        }
        for line in lines {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
    };
    section(
        "Refused; nothing would be changed:",
        &mut report.refusals.iter().map(|refusal| refusal.text.as_str()),
    );
    section("Changes:", &mut report.changes.iter().map(|change| change.text.as_str()));
    section(
        "Differences that would be left as they are:",
        &mut report.drift.iter().map(|drift| drift.text.as_str()),
    );
    if text.is_empty() {
        "No changes: topic, keyspace and table match the pipeline.\n".to_owned()
    } else {
        text
    }
}

fn to_json_line(report: &ProvisionReport) -> String {
    // Serialization cannot fail: the members are numbers and strings.
    serde_json::to_string(report).unwrap_or_default() + "\n"
}
