//! The subcommands of the worker's process: read the configuration, connect, run, report the outcome.

pub mod exit;
mod process;
mod produce;
mod provision;
mod provision_report;
mod signals;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use userstream_crds::model::Pipeline;
use userstream_crds::worker_config::WorkerConfig;

use crate::command::exit::{Exit, Shorten, TerminationMessage};
use crate::observe::health::Health;
use crate::observe::logging;
use crate::observe::server::{self, Observed};
use crate::observe::stats::Stats;
use crate::runtime::shutdown::{ShutdownSignal, shutdown_channel};
use crate::security::tls;

/// Do the data work of one UserStreamPipeline.
///
/// Exit codes: 0 success; 65 a record violates the pipeline's data policy; 69 a server that the worker depends on is
/// unavailable or refuses; 78 the configuration is invalid.
#[derive(Debug, Parser)]
#[command(name = "worker", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the topics, the keyspace and the table of the pipeline, or apply the smallest change to them.
    Provision {
        #[command(flatten)]
        config: ConfigFile,
        /// Print the changes without applying them.
        #[arg(long)]
        plan: bool,
        /// The format of the report.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Delete what the pipeline created and declares `deletionPolicy: Delete` for.
    Cleanup {
        #[command(flatten)]
        config: ConfigFile,
        /// Print what would be deleted without deleting it.
        #[arg(long)]
        plan: bool,
        /// The format of the report.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Fetch from the source and append to the topic.
    Produce {
        #[command(flatten)]
        config: ConfigFile,
        /// Run once, also if the source is continuous.
        #[arg(long)]
        once: bool,
    },
    /// Read the topic and write the table until SIGTERM.
    Process {
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// One line for each change.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The worker's configuration, as written by the operator. JSON or YAML.
    #[arg(long = "config", value_name = "FILE")]
    path: PathBuf,
}

impl Command {
    fn config(&self) -> &Path {
        match self {
            Self::Provision { config, .. }
            | Self::Cleanup { config, .. }
            | Self::Produce { config, .. }
            | Self::Process { config } => &config.path,
        }
    }
}

/// The inputs of a command.
struct Context {
    config: WorkerConfig,
    pipeline: Pipeline,
    stats: Arc<Stats>,
    health: Arc<Health>,
    shutdown: ShutdownSignal,
}

/// The outcome of a command: the exit code, and why.
struct Outcome<D = ()> {
    exit: Exit,
    message: String,
    details: D,
}

impl<D: Default> Outcome<D> {
    fn success() -> Self {
        Self { exit: Exit::Ok, message: String::new(), details: D::default() }
    }

    fn failure(exit: Exit, why: impl Display) -> Self {
        Self { exit, message: why.to_string(), details: D::default() }
    }
}

/// Runs a command to its end.
pub fn run(arguments: &Arguments) -> Exit {
    let (read, report_to) = read(arguments.command.config());
    let (config, pipeline) = match read {
        Ok(read) => read,
        Err(error) => {
            logging::start(Default::default(), Default::default());
            return report(Outcome::<()>::failure(Exit::Config, error), report_to.as_deref());
        }
    };
    logging::start(config.log_format, pipeline.log_level);
    tls::install_crypto_provider();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let why = format!("the async runtime cannot start: {error}");
            return report(Outcome::<()>::failure(Exit::Unavailable, why), report_to.as_deref());
        }
    };
    // Background work of the clients (a DNS query) must not delay the exit.
    let exit = runtime.block_on(serve_and_run(arguments, config, pipeline, report_to.as_deref()));
    runtime.shutdown_background();
    exit
}

/// Why the configuration is unusable.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the configuration {} cannot be read: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the configuration {} is invalid: {source}", .path.display())]
    Config { path: PathBuf, source: userstream_crds::worker_config::WorkerConfigError },
}

/// Reads the configuration, and the path of the termination message, even if the rest is invalid.
fn read(path: &Path) -> (Result<(WorkerConfig, Pipeline), ReadError>, Option<PathBuf>) {
    match std::fs::read_to_string(path) {
        Ok(text) => match WorkerConfig::parse(&text) {
            Ok((config, pipeline)) => {
                let report_to = config.termination_message_path.clone();
                (Ok((config, pipeline)), report_to)
            }
            Err(source) => {
                let report_to = WorkerConfig::termination_message_path(&text);
                (Err(ReadError::Config { path: path.to_owned(), source }), report_to)
            }
        },
        Err(source) => (Err(ReadError::File { path: path.to_owned(), source }), None),
    }
}

async fn serve_and_run(
    arguments: &Arguments,
    config: WorkerConfig,
    pipeline: Pipeline,
    report_to: Option<&Path>,
) -> Exit {
    let (handle, shutdown) = shutdown_channel();
    let observed = Observed { stats: Arc::default(), health: Arc::default() };
    let listen = config.listen;
    let context = Context {
        config,
        pipeline,
        stats: observed.stats.clone(),
        health: observed.health.clone(),
        shutdown,
    };
    let serving = async {
        match listen {
            None => std::future::pending().await,
            Some(address) => server::serve(address, observed).await.err().map(|error| (address, error)),
        }
    };
    let working = async {
        match &arguments.command {
            Command::Provision { plan, output, .. } => {
                report(provision::run(&context, *plan, *output, provision::Task::Provision).await, report_to)
            }
            Command::Cleanup { plan, output, .. } => {
                report(provision::run(&context, *plan, *output, provision::Task::Cleanup).await, report_to)
            }
            Command::Produce { once, .. } => report(produce::run(&context, *once).await, report_to),
            Command::Process { .. } => report(process::run(&context).await, report_to),
        }
    };
    tokio::select! {
        exit = working => exit,
        () = signals::shut_down_on_signal(&handle) => {
            let why = "second signal: in-flight records will be reprocessed";
            report(Outcome::<()>::failure(Exit::Unavailable, why), report_to)
        }
        Some((address, error)) = serving => {
            let why = format!("the status endpoints cannot be served on {address}: {error}");
            report(Outcome::<()>::failure(Exit::Config, why), report_to)
        }
    }
}

/// Reports the outcome of a command, in the log and in the pod's termination message.
fn report<D: Serialize + Shorten>(outcome: Outcome<D>, path: Option<&Path>) -> Exit {
    match outcome.exit {
        Exit::Ok => tracing::info!("finished"),
        exit => tracing::error!(?exit, code = exit.code(), error = outcome.message, "failed"),
    }
    if let Some(path) = path {
        let message =
            TerminationMessage { outcome: outcome.exit, message: &outcome.message, details: outcome.details };
        if let Err(error) = message.write(path) {
            tracing::warn!(file = %path.display(), %error, "the termination message cannot be written");
        }
    }
    outcome.exit
}
