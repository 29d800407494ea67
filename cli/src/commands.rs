//! The commands: one module each. They read arguments, call the layers below and print what these return.

#[cfg(feature = "cluster")]
mod cluster;
mod completions;
mod error;
mod explain;
mod local;
mod plan;
mod provision_report;
mod runtime;
mod tail;
mod validate;

#[cfg(feature = "cluster")]
use std::path::Path;
use std::time::Instant;

pub(crate) use completions::complete;
use error::CommandError;

use crate::arguments::{Arguments, Command, PlanArguments};
use crate::exit::Exit;
use crate::resource::{self, ResourceError};
use crate::terminal::logging::Logging;
use crate::terminal::{Terminal, print_error};

/// Runs the command of a command line, and prints its error if it fails.
pub(crate) fn run(arguments: &Arguments, started: Instant) -> Exit {
    let terminal = Terminal::of_process(arguments.color);
    dispatch(arguments, terminal, started).unwrap_or_else(|error| {
        let exit = error.exit();
        match &error {
            _ if exit == Exit::Done => {}
            CommandError::Resource(ResourceError::Invalid(findings)) => {
                let width = Terminal::size().0.clamp(60, 120);
                print_error(resource::render_report(findings, terminal.coloured_stderr, width).trim_end());
            }
            error => print_error(&format!("{} {error}", terminal.error_label())),
        }
        exit
    })
}

fn dispatch(arguments: &Arguments, terminal: Terminal, started: Instant) -> Result<Exit, CommandError> {
    let logging = Logging::start(&arguments.log, terminal.coloured_stderr)?;
    match &arguments.command {
        Command::Local(arguments) => local::local(arguments, terminal, &logging, started),
        Command::Validate(arguments) => validate::validate(arguments, terminal),
        Command::Plan(arguments @ PlanArguments { file: Some(file), .. }) => plan::plan(arguments, file),
        #[cfg(feature = "cluster")]
        Command::Plan(arguments) => {
            let file = arguments.filename.as_deref().unwrap_or(Path::new("-"));
            cluster::plan(arguments, file, terminal)
        }
        #[cfg(feature = "cluster")]
        Command::Cluster(command) => cluster::run(command, terminal),
        #[cfg(not(feature = "cluster"))]
        Command::Plan(_) | Command::Cluster(_) => Err(CommandError::WithoutCluster),
        Command::Tail(arguments) => tail::tail(arguments, terminal),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Completions(arguments) => completions::completions(arguments),
    }
}
