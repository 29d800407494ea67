//! `worker provision` and `worker cleanup`: create what the pipeline needs, or delete what it created.

use std::io::Write;
use std::time::Duration;

use userstream_crds::model::Mode;
use userstream_crds::provision_report::ProvisionReport;

use super::{Context, Outcome, Output};
use crate::command::exit::Exit;
use crate::provision::cassandra::CassandraTableAdmin;
use crate::provision::kafka::KafkaTopicAdmin;
use crate::provision::{self, ProvisionError};
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::shutdown::Shutdown;
use crate::table::cassandra::ConnectError;

/// How long servers may be unavailable before the run fails, so that its Job fails visibly.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long servers may refuse the mounted credentials: a rotation reaches servers and pods at different times.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(10);

/// The task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Provision,
    Cleanup,
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Kafka(#[from] crate::log::kafka::OpenError),
    #[error(transparent)]
    Cassandra(#[from] ConnectError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
}

impl Failure {
    /// How long attempts may fail this way before the run fails.
    fn patience(&self) -> Duration {
        match self {
            Self::Kafka(_) | Self::Cassandra(ConnectError::Credentials(_)) => Duration::ZERO,
            Self::Cassandra(error) if error.is_refusal() => REFUSAL_PATIENCE,
            Self::Cassandra(_) => PATIENCE,
            Self::Provision(error) if error.is_retryable() => PATIENCE,
            Self::Provision(_) => Duration::ZERO,
        }
    }
}

pub(super) async fn run(
    context: &Context,
    plan: bool,
    output: Output,
    task: Task,
) -> Outcome<Option<ProvisionReport>> {
    let mode = if plan { Mode::Plan } else { context.pipeline.mode };
    let mut backoff =
        Backoff::new(Duration::from_millis(200), Duration::from_secs(10), Jitter::from_process());
    let start = tokio::time::Instant::now();
    let mut shutdown = context.shutdown.clone();
    loop {
        let attempt = tokio::select! {
            biased;
            () = shutdown.requested(Shutdown::Now) => {
                return Outcome::failure(Exit::Unavailable, "shut down before the end of the run");
            }
            attempt = attempt(context, mode, task) => attempt,
        };
        let error = match attempt {
            Ok(report) => return print_report(report, output),
            Err(error) => error,
        };
        let wait = backoff.next_wait();
        if start.elapsed() + wait > error.patience() {
            return Outcome::failure(Exit::Unavailable, error);
        }
        tracing::warn!(%error, ?wait, "the attempt failed: retrying");
        tokio::time::sleep(wait).await;
    }
}

async fn attempt(context: &Context, mode: Mode, task: Task) -> Result<ProvisionReport, Failure> {
    let (pipeline, secrets) = (&context.pipeline, context.config.secrets_directory.as_path());
    let topics = KafkaTopicAdmin::open(pipeline, secrets)?;
    let tables = CassandraTableAdmin::connect(pipeline, secrets).await?;
    Ok(match task {
        Task::Provision => provision::run(pipeline, &topics, &tables, mode).await?,
        Task::Cleanup => provision::cleanup(pipeline, &topics, &tables, mode).await?,
    })
}

fn print_report(report: ProvisionReport, output: Output) -> Outcome<Option<ProvisionReport>> {
    let text = match output {
        Output::Text => report.lines().map(|line| format!("{line}\n")).collect(),
        Output::Json => serde_json::to_string(&report).unwrap_or_default() + "\n",
    };
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        tracing::warn!(%error, "the report could not be printed");
    }
    let refused: Vec<&str> = report.refusals.iter().map(|refusal| refusal.text.as_str()).collect();
    let exit = if refused.is_empty() { Exit::Ok } else { Exit::Config };
    Outcome { exit, message: refused.join("; "), details: Some(report) }
}
