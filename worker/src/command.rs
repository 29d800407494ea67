//! The subcommands of the worker's process: read the configuration, connect, run, say how it ended.

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
use crate::runtime::shutdown::{StopSignal, stop_channel};
use crate::security::tls;

/// Does the data work of one UserStreamPipeline.
///
/// Exit codes: 0 done; 65 a record broke the pipeline's data policy; 69 something the worker depends on is away or
/// refuses; 78 the configuration cannot be worked with.
#[derive(Debug, Parser)]
#[command(name = "worker", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the topics, the keyspace and the table that the pipeline needs, or change them by the least that is needed.
    Provision {
        #[command(flatten)]
        config: ConfigFile,
        /// Only say what would be changed.
        #[arg(long)]
        plan: bool,
        /// How the report is printed.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Delete what the pipeline created and says to delete (`deletionPolicy: Delete`).
    Cleanup {
        #[command(flatten)]
        config: ConfigFile,
        /// Only say what would be deleted.
        #[arg(long)]
        plan: bool,
        /// How the report is printed.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Fetch from the source and append to the topic.
    Produce {
        #[command(flatten)]
        config: ConfigFile,
        /// Make one run and end, whatever the pipeline says.
        #[arg(long)]
        once: bool,
    },
    /// Read the topic and write the table, until SIGTERM.
    Process {
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A line for each change, for people.
    Text,
    /// One JSON object, for programs.
    Json,
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The worker's configuration, as the operator writes it. JSON or YAML.
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

/// What a command works with.
struct Job {
    config: WorkerConfig,
    pipeline: Pipeline,
    stats: Arc<Stats>,
    health: Arc<Health>,
    stop: StopSignal,
}

/// How a command ended: the exit, and why.
struct Ended<D = ()> {
    exit: Exit,
    message: String,
    details: D,
}

impl<D: Default> Ended<D> {
    fn well() -> Self {
        Self { exit: Exit::Ok, message: String::new(), details: D::default() }
    }

    fn badly(exit: Exit, why: impl Display) -> Self {
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
            return report(Ended::<()>::badly(Exit::Config, error), report_to.as_deref());
        }
    };
    logging::start(config.log_format, pipeline.log_level);
    tls::install_crypto_provider();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let why = format!("the runtime cannot be started: {error}");
            return report(Ended::<()>::badly(Exit::Unavailable, why), report_to.as_deref());
        }
    };
    // Clients leave work of their own behind (a name being looked up): it must not hold up the end.
    let exit = runtime.block_on(serve_and_run(arguments, config, pipeline, report_to.as_deref()));
    runtime.shutdown_background();
    exit
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the configuration {} cannot be read: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the configuration {} cannot be worked with: {source}", .path.display())]
    Config { path: PathBuf, source: userstream_crds::worker_config::WorkerConfigError },
}

/// Reads the configuration, and where the last message is to go, whatever else is wrong with it.
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
    let (stopper, stop) = stop_channel();
    let observed = Observed { stats: Arc::default(), health: Arc::default() };
    let listen = config.listen;
    let job = Job { config, pipeline, stats: observed.stats.clone(), health: observed.health.clone(), stop };
    let serving = async {
        match listen {
            None => std::future::pending().await,
            Some(address) => server::serve(address, observed).await.err().map(|error| (address, error)),
        }
    };
    let working = async {
        match &arguments.command {
            Command::Provision { plan, output, .. } => {
                report(provision::run(&job, *plan, *output, provision::Task::Provision).await, report_to)
            }
            Command::Cleanup { plan, output, .. } => {
                report(provision::run(&job, *plan, *output, provision::Task::Cleanup).await, report_to)
            }
            Command::Produce { once, .. } => report(produce::run(&job, *once).await, report_to),
            Command::Process { .. } => report(process::run(&job).await, report_to),
        }
    };
    tokio::select! {
        exit = working => exit,
        () = signals::stop_on_signal(&stopper) => {
            let why = "told to stop twice: what was in flight is done again by the next one";
            report(Ended::<()>::badly(Exit::Unavailable, why), report_to)
        }
        Some((address, error)) = serving => {
            let why = format!("the status endpoints cannot be served on {address}: {error}");
            report(Ended::<()>::badly(Exit::Config, why), report_to)
        }
    }
}

/// Says how a command ended, in the log and in the pod's termination message.
fn report<D: Serialize + Shorten>(ended: Ended<D>, path: Option<&Path>) -> Exit {
    match ended.exit {
        Exit::Ok => tracing::info!("done"),
        exit => tracing::error!(?exit, code = exit.code(), error = ended.message, "ended"),
    }
    if let Some(path) = path {
        let message =
            TerminationMessage { outcome: ended.exit, message: &ended.message, details: ended.details };
        if let Err(error) = message.write(path) {
            tracing::warn!(file = %path.display(), %error, "the termination message cannot be written");
        }
    }
    ended.exit
}
