//! The commands for a cluster.

mod check;
mod document;
mod get;
mod logs;
mod plan;
mod run;
mod status;
mod suspend;

use std::path::Path;

use super::CommandError;
use super::runtime::block_on;
use crate::arguments::{ClusterCommand, PlanArguments};
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Runs a command.
pub(super) fn run(command: &ClusterCommand, terminal: Terminal) -> Result<Exit, CommandError> {
    block_on(async {
        match command {
            ClusterCommand::Status(arguments) => status::status(arguments, terminal).await,
            ClusterCommand::Get(arguments) => get::get(arguments, terminal).await,
            ClusterCommand::Run(arguments) => run::run(arguments).await,
            ClusterCommand::Suspend(arguments) => suspend::set_suspend(arguments, true).await,
            ClusterCommand::Resume(arguments) => suspend::set_suspend(arguments, false).await,
            ClusterCommand::Logs(arguments) => logs::logs(arguments).await,
            ClusterCommand::Check(arguments) => check::check(arguments, terminal).await,
        }
    })?
}

/// Prints what applying a file would change.
pub(super) fn plan(arguments: &PlanArguments, file: &Path, terminal: Terminal) -> Result<Exit, CommandError> {
    block_on(plan::plan(arguments, file, terminal))?
}
