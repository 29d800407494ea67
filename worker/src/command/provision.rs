//! `worker provision` and `worker cleanup`: make what the pipeline needs, or delete what it made.

use std::io::Write;
use std::time::Duration;

use userstream_crds::model::Mode;
use userstream_crds::provision_report::ProvisionReport;

use super::{Ended, Job, Output};
use crate::command::exit::Exit;
use crate::loops::pipeline::check_all_is_done;
use crate::provision::cassandra::CassandraTableAdmin;
use crate::provision::kafka::KafkaTopicAdmin;
use crate::provision::{self, ProvisionError};
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::shutdown::Stop;
use crate::table::cassandra::ConnectError;

/// How long servers may be away before the run fails, so that a Job ends and is seen to have failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long they may refuse what the pod is mounted with: a rotation reaches servers and pods at different times.
const PATIENCE_WITH_REFUSALS: Duration = Duration::from_secs(10);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Provision,
    Cleanup,
}

/// Why an attempt did not come to an end.
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
    /// How long it may last until the run fails.
    fn patience(&self) -> Duration {
        match self {
            Self::Kafka(_) | Self::Cassandra(ConnectError::Credentials(_)) => Duration::ZERO,
            Self::Cassandra(error) if error.is_refusal() => PATIENCE_WITH_REFUSALS,
            Self::Cassandra(_) => PATIENCE,
            Self::Provision(error) if error.is_retryable() => PATIENCE,
            Self::Provision(_) => Duration::ZERO,
        }
    }
}

pub(super) async fn run(job: &Job, plan: bool, output: Output, task: Task) -> Ended<Option<ProvisionReport>> {
    // What is to be deleted is deleted, whatever the pipeline asked for.
    if task == Task::Provision
        && let Err(error) = check_all_is_done(&job.pipeline)
    {
        return Ended::badly(Exit::Config, error);
    }
    let mode = if plan { Mode::Plan } else { job.pipeline.mode };
    let mut backoff =
        Backoff::new(Duration::from_millis(200), Duration::from_secs(10), Jitter::from_process());
    let start = tokio::time::Instant::now();
    let mut stop = job.stop.clone();
    loop {
        let attempt = tokio::select! {
            biased;
            () = stop.reached(Stop::Now) => return Ended::badly(Exit::Unavailable, "told to stop before it was done"),
            attempt = attempt(job, mode, task) => attempt,
        };
        let error = match attempt {
            Ok(report) => return ended(report, output),
            Err(error) => error,
        };
        let wait = backoff.next_wait();
        if start.elapsed() + wait > error.patience() {
            return Ended::badly(Exit::Unavailable, error);
        }
        tracing::warn!(%error, ?wait, "not done yet");
        tokio::time::sleep(wait).await;
    }
}

async fn attempt(job: &Job, mode: Mode, task: Task) -> Result<ProvisionReport, Failure> {
    let (pipeline, secrets) = (&job.pipeline, job.config.secrets_directory.as_path());
    let topics = KafkaTopicAdmin::open(pipeline, secrets)?;
    let tables = CassandraTableAdmin::connect(pipeline, secrets).await?;
    Ok(match task {
        Task::Provision => provision::run(pipeline, &topics, &tables, mode).await?,
        Task::Cleanup => provision::cleanup(pipeline, &topics, &tables, mode).await?,
    })
}

fn ended(report: ProvisionReport, output: Output) -> Ended<Option<ProvisionReport>> {
    let text = match output {
        Output::Text => report.lines().map(|line| format!("{line}\n")).collect(),
        Output::Json => serde_json::to_string(&report).unwrap_or_default() + "\n",
    };
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        tracing::warn!(%error, "the report cannot be printed");
    }
    let refused: Vec<&str> = report.refusals.iter().map(|refusal| refusal.text.as_str()).collect();
    let exit = if refused.is_empty() { Exit::Ok } else { Exit::Config };
    Ended { exit, message: refused.join("; "), details: Some(report) }
}
