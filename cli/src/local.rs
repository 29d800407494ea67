//! Runs a pipeline in this process.
//!
//! ```text
//!  backends ─▶ provision ─▶ run: producer ∥ processor ∥ limits ∥ signals ∥ progress ─▶ summary
//! ```

mod error;
mod progress;
mod run;
mod run_limits;
mod sampling;
mod schedule;
mod signals;
mod summary;

use std::path::Path;
use std::time::Instant;

use ipnet::IpNet;
use userstream_crds::model::{Mode, Pipeline};
use userstream_crds::provision_report::ProvisionReport;
use userstream_worker::provision;
use userstream_worker::sqlite::DataDirectory;

use crate::arguments::{OutputFormat, ServerArguments};
use crate::backend::{BackendError, EmbeddedLogBackend, EmbeddedTableBackend, LogBackend, TableBackend};
use crate::terminal::Terminal;
use crate::terminal::logging::Logging;

pub(crate) use error::LocalError;
pub(crate) use run_limits::RunLimit;
use summary::Summary;

/// The settings of a run that are not part of the pipeline.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    /// The start of the process.
    pub(crate) started: Instant,
    /// When the run ends without a signal.
    pub(crate) limit: RunLimit,
    /// The format of the summary, which also selects how progress is shown.
    pub(crate) output: OutputFormat,
    pub(crate) terminal: Terminal,
    pub(crate) logging: &'a Logging,
    /// The directory of Secrets.
    pub(crate) secrets: &'a Path,
    /// Private address ranges that a source may connect to.
    pub(crate) allowed: Vec<IpNet>,
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The pipeline ran.
    Ran(Summary),
    /// The pipeline was planned only, under `mode: Plan`.
    Planned(ProvisionReport),
}

/// Runs a pipeline on the backends of the command line.
pub(crate) async fn run(
    pipeline: &Pipeline,
    servers: &ServerArguments,
    settings: &Settings<'_>,
) -> Result<Outcome, LocalError> {
    // Without an embedded backend there is no data directory to lock.
    let directory = match (&servers.kafka, &servers.cassandra) {
        (Some(_), Some(_)) => None,
        _ => Some(DataDirectory::open(&servers.data).map_err(BackendError::from)?),
    };
    match (&directory, &servers.kafka) {
        (Some(directory), None) => {
            let log = EmbeddedLogBackend::open(directory, pipeline)?;
            Box::pin(run_on_log(pipeline, servers, settings, Some(directory), log)).await
        }
        #[cfg(feature = "kafka")]
        _ => {
            let log = crate::backend::KafkaBackend::new(pipeline, settings.secrets);
            Box::pin(run_on_log(pipeline, servers, settings, directory.as_ref(), log)).await
        }
        #[cfg(not(feature = "kafka"))]
        _ => Err(BackendError::NotBuilt { server: "Kafka", feature: "kafka" }.into()),
    }
}

async fn run_on_log<L: LogBackend>(
    pipeline: &Pipeline,
    servers: &ServerArguments,
    settings: &Settings<'_>,
    directory: Option<&DataDirectory>,
    log: L,
) -> Result<Outcome, LocalError> {
    match (directory, &servers.cassandra) {
        (Some(directory), None) => {
            provision_and_run(pipeline, settings, log, EmbeddedTableBackend::new(directory, pipeline)).await
        }
        #[cfg(feature = "cassandra")]
        _ => {
            provision_and_run(
                pipeline,
                settings,
                log,
                crate::backend::CassandraBackend::new(pipeline, settings.secrets),
            )
            .await
        }
        #[cfg(not(feature = "cassandra"))]
        _ => {
            drop(log);
            Err(BackendError::NotBuilt { server: "Cassandra", feature: "cassandra" }.into())
        }
    }
}

/// Provisions the topic and the table, then runs the pipeline.
async fn provision_and_run<L: LogBackend, T: TableBackend>(
    pipeline: &Pipeline,
    settings: &Settings<'_>,
    log: L,
    table: T,
) -> Result<Outcome, LocalError> {
    let report = provision::run(pipeline, &log.admin().await?, &table.admin().await?, pipeline.mode).await?;
    if pipeline.mode == Mode::Plan {
        return Ok(Outcome::Planned(report));
    }
    if !report.refusals.is_empty() {
        return Err(LocalError::Refused(report.lines().map(str::to_owned).collect()));
    }
    for line in report.lines() {
        tracing::info!("{line}");
    }
    run::run(pipeline, settings, &log, &table).await.map(Outcome::Ran)
}
