//! What `usp` does with a cluster: looks at pipelines there, runs, stops and continues them.
//!
//! The API server is asked, what it answers is put into values, and everything that is said of them is computed by pure
//! functions: the tree of `status`, the table of `get`, the differences of `plan`, the findings of `check`.

mod age;
mod apply;
mod change;
mod check;
mod connection;
mod difference;
mod document;
mod error;
mod get;
mod hint;
mod installation;
mod logs;
mod observe;
mod pipelines;
mod plan;
mod seen;
mod status;
mod tree;
mod trigger;

use std::path::Path;

pub(crate) use error::ClusterError;

use crate::arguments::{ClusterCommand, PlanArguments};
use crate::command::CommandError;
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Carries out a command.
pub(crate) fn run(command: &ClusterCommand, terminal: Terminal) -> Result<Exit, CommandError> {
    block_on(async {
        match command {
            ClusterCommand::Status(arguments) => status::status(arguments, terminal).await,
            ClusterCommand::Get(arguments) => get::get(arguments, terminal).await,
            ClusterCommand::Run(arguments) => trigger::run(arguments).await,
            ClusterCommand::Suspend(arguments) => change::suspend(arguments, true).await,
            ClusterCommand::Resume(arguments) => change::suspend(arguments, false).await,
            ClusterCommand::Logs(arguments) => logs::logs(arguments).await,
            ClusterCommand::Check(arguments) => check::check(arguments, terminal).await,
        }
    })
}

/// Prints what applying a file would change.
pub(crate) fn plan(arguments: &PlanArguments, file: &Path, terminal: Terminal) -> Result<Exit, CommandError> {
    block_on(plan::plan(arguments, file, terminal))
}

fn block_on(work: impl Future<Output = Result<Exit, CommandError>>) -> Result<Exit, CommandError> {
    userstream_worker::security::tls::install_crypto_provider();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}
