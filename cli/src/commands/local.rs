//! `usp local`: a whole pipeline on this machine.

use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::CommandError;
use super::provision_report::print_report;
use super::runtime::block_on;
use crate::arguments::{LimitArguments, LocalArguments, OutputFormat};
use crate::backend::override_servers;
use crate::exit::Exit;
use crate::local::{self, Outcome, RunLimit, Settings};
use crate::resource;
use crate::terminal::logging::Logging;
use crate::terminal::{Terminal, print, print_error};

/// Runs a pipeline until its limit or a signal.
pub(super) fn local(
    arguments: &LocalArguments,
    terminal: Terminal,
    logging: &Logging,
    started: Instant,
) -> Result<Exit, CommandError> {
    let mut pipeline = resource::load(&arguments.file)?;
    override_servers(&mut pipeline, &arguments.servers);
    if pipeline.suspend {
        print_error("note: spec.suspend is ignored: in a cluster this pipeline would not run");
    }
    let settings = Settings {
        started,
        limit: limit(&arguments.limit),
        output: arguments.output,
        terminal,
        logging,
        secrets: &arguments.servers.secrets,
        allowed: allowed_ranges(&arguments.allow_private_range),
    };
    match block_on(local::run(&pipeline, &arguments.servers, &settings))?? {
        Outcome::Ran(summary) => {
            print(&match arguments.output {
                OutputFormat::Human => summary.to_text(terminal.coloured),
                OutputFormat::Json => summary.to_json_line(),
            })?;
            Ok(summary.exit())
        }
        Outcome::Planned(report) => {
            print_error("note: spec.mode is Plan: the pipeline is planned and does not run");
            Ok(print_report(&report, arguments.output)?)
        }
    }
}

fn limit(arguments: &LimitArguments) -> RunLimit {
    match (arguments.once, arguments.duration, arguments.records) {
        (true, _, _) => RunLimit::Once,
        (_, Some(duration), _) => RunLimit::For(Duration::from(duration)),
        (_, _, Some(rows)) => RunLimit::Rows(rows),
        (false, None, None) => RunLimit::None,
    }
}

/// The given ranges, or every address if there are none.
fn allowed_ranges(ranges: &[IpNet]) -> Vec<IpNet> {
    if ranges.is_empty() {
        ["0.0.0.0/0", "::/0"].iter().filter_map(|range| range.parse().ok()).collect()
    } else {
        ranges.to_vec()
    }
}
