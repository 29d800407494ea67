//! What provisioning found, as `usp plan` and a planned `usp local` print it.

use std::io;

use userstream_crds::provision_report::ProvisionReport;

use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::terminal::print;

/// Prints a plan.
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
        "Refused, so that nothing would be changed:",
        &mut report.refusals.iter().map(|refusal| refusal.text.as_str()),
    );
    section("Would be changed:", &mut report.changes.iter().map(|change| change.text.as_str()));
    section("Differs, and is left as it is:", &mut report.drift.iter().map(|drift| drift.text.as_str()));
    if text.is_empty() { "Nothing to change: everything is as the pipeline says.\n".to_owned() } else { text }
}

fn to_json_line(report: &ProvisionReport) -> String {
    // Texts and numbers: there is nothing in it that JSON has no form for.
    serde_json::to_string(report).unwrap_or_default() + "\n"
}
