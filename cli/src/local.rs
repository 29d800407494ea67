//! `usp local`: a whole pipeline in one process.
//!
//! ```text
//!  arguments ─▶ resource ─▶ places ─▶ provision ─▶ run: producer ∥ processor ∥ conductor ∥ view ─▶ summary
//! ```

mod cadence;
mod conductor;
mod failure;
mod observed;
mod run;
mod signals;
mod summary;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use userstream_crds::model::{Mode, Pipeline};
use userstream_crds::provision_report::ProvisionReport;
use userstream_worker::loops::unsupported::check_supported;
use userstream_worker::provision;
use userstream_worker::security::tls;
use userstream_worker::sqlite::DataDirectory;

use crate::arguments::{LimitArguments, LocalArguments, OutputFormat, ServerArguments};
use crate::backend::{BackendError, EmbeddedLogBackend, EmbeddedTableBackend, LogBackend, TableBackend};
use crate::command::CommandError;
use crate::exit::Exit;
use crate::terminal::logging::Logging;
use crate::terminal::{Terminal, print, print_error};
use crate::{plan, resource};

use conductor::Limit;
pub(crate) use failure::LocalError;
use summary::Summary;

/// What a local run is told beside the pipeline.
#[derive(Debug)]
struct Settings<'a> {
    /// When the process started.
    started: Instant,
    limit: Limit,
    output: OutputFormat,
    terminal: Terminal,
    logging: &'a Logging,
    /// The folder with the pipeline's Secrets.
    secrets: &'a Path,
    /// Address ranges that a source may dial beside the public ones.
    allowed: Vec<IpNet>,
}

/// Runs a pipeline until its limit, or until it is told to stop.
pub(crate) fn local(
    arguments: &LocalArguments,
    terminal: Terminal,
    logging: &Logging,
    started: Instant,
) -> Result<Exit, CommandError> {
    let mut pipeline = resource::load(&arguments.file)?;
    check_supported(&pipeline).map_err(LocalError::from)?;
    point_at_servers(&mut pipeline, &arguments.servers);
    if pipeline.suspend {
        print_error("note: spec.suspend is true: in a cluster this pipeline would stand still");
    }
    tls::install_crypto_provider();
    let settings = Settings {
        started,
        limit: limit(&arguments.limit),
        output: arguments.output,
        terminal,
        logging,
        secrets: &arguments.servers.secrets,
        allowed: allowed_ranges(&arguments.allow_private_range),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let ended = runtime.block_on(on_backends(&pipeline, &arguments.servers, &settings));
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_background();
    match ended? {
        Outcome::Ran(summary) => {
            print(&match arguments.output {
                OutputFormat::Human => summary.for_people(terminal.coloured),
                OutputFormat::Json => summary.for_programs(),
            })?;
            Ok(summary.exit())
        }
        Outcome::Planned(report) => {
            print_error("note: spec.mode is Plan: changes are only planned, and nothing runs");
            Ok(plan::print_report(&report, arguments.output)?)
        }
    }
}

/// What became of a run.
enum Outcome {
    /// It ran.
    Ran(Summary),
    /// The pipeline says that changes are only planned.
    Planned(ProvisionReport),
}

/// Puts the servers of the command line in the place of those that the pipeline names.
pub(crate) fn point_at_servers(pipeline: &mut Pipeline, servers: &ServerArguments) {
    if let Some(kafka) = &servers.kafka {
        pipeline.kafka.bootstrap_servers = vec![kafka.clone()];
    }
    if let Some(cassandra) = &servers.cassandra {
        pipeline.cassandra.contact_points = vec![cassandra.clone()];
    }
}

fn limit(arguments: &LimitArguments) -> Limit {
    match (arguments.once, arguments.duration, arguments.records) {
        (true, _, _) => Limit::Once,
        (_, Some(duration), _) => Limit::For(Duration::from(duration)),
        (_, _, Some(rows)) => Limit::Rows(rows),
        (false, None, None) => Limit::None,
    }
}

/// Every address, unless ranges are named.
fn allowed_ranges(named: &[IpNet]) -> Vec<IpNet> {
    if named.is_empty() {
        [("0.0.0.0/0"), ("::/0")].iter().filter_map(|range| range.parse().ok()).collect()
    } else {
        named.to_vec()
    }
}

/// Opens the places that the command line names, and runs on them.
async fn on_backends(
    pipeline: &Pipeline,
    servers: &ServerArguments,
    settings: &Settings<'_>,
) -> Result<Outcome, LocalError> {
    // With both servers there is nothing to keep here.
    let directory = match (&servers.kafka, &servers.cassandra) {
        (Some(_), Some(_)) => None,
        _ => Some(DataDirectory::open(&servers.data).map_err(BackendError::from)?),
    };
    match (&directory, &servers.kafka) {
        (Some(directory), None) => {
            let log = EmbeddedLogBackend::open(directory, pipeline)?;
            Box::pin(on_log(pipeline, servers, settings, Some(directory), log)).await
        }
        #[cfg(feature = "kafka")]
        _ => {
            let log = crate::backend::KafkaBackend::new(pipeline, settings.secrets);
            Box::pin(on_log(pipeline, servers, settings, directory.as_ref(), log)).await
        }
        #[cfg(not(feature = "kafka"))]
        _ => Err(BackendError::NotBuilt { server: "Kafka", feature: "kafka" }.into()),
    }
}

async fn on_log<L: LogBackend>(
    pipeline: &Pipeline,
    servers: &ServerArguments,
    settings: &Settings<'_>,
    directory: Option<&DataDirectory>,
    log: L,
) -> Result<Outcome, LocalError> {
    match (directory, &servers.cassandra) {
        (Some(directory), None) => {
            on(pipeline, settings, log, EmbeddedTableBackend::new(directory, pipeline)).await
        }
        #[cfg(feature = "cassandra")]
        _ => {
            on(pipeline, settings, log, crate::backend::CassandraBackend::new(pipeline, settings.secrets))
                .await
        }
        #[cfg(not(feature = "cassandra"))]
        _ => {
            drop(log);
            Err(BackendError::NotBuilt { server: "Cassandra", feature: "cassandra" }.into())
        }
    }
}

/// Provisions, then runs.
async fn on<L: LogBackend, T: TableBackend>(
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
