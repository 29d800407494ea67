//! `usp plan`: what provisioning would change.

use std::io;
use std::path::Path;

use userstream_crds::model::{Mode, Pipeline};
use userstream_crds::provision_report::ProvisionReport;
use userstream_worker::provision::embedded::{EmbeddedTableAdmin, EmbeddedTopicAdmin};
use userstream_worker::provision::{self, Claims, ProvisionError, TableAdmin, TopicAdmin};

use crate::arguments::{OutputFormat, PlanArguments, ServerArguments};
use crate::backend::BackendError;
use crate::command::CommandError;
use crate::exit::Exit;
use crate::local::point_at_servers;
use crate::resource;
use crate::terminal::print;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// Topics or tables cannot be looked at.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// They cannot be compared.
    #[error("the plan cannot be made: {0}")]
    Provision(#[from] ProvisionError),
}

impl PlanError {
    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Backend(error) => error.exit(),
            Self::Provision(error) if error.is_retryable() => Exit::Unavailable,
            Self::Provision(_) => Exit::Configuration,
        }
    }
}

/// Prints what would be changed, and changes nothing.
pub(crate) fn plan(arguments: &PlanArguments, file: &Path) -> Result<Exit, CommandError> {
    let mut pipeline = resource::load(file)?;
    point_at_servers(&mut pipeline, &arguments.servers);
    userstream_worker::security::tls::install_crypto_provider();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let report = runtime.block_on(on_topics(&pipeline, &arguments.servers));
    runtime.shutdown_background();
    Ok(print_report(&report?, arguments.output)?)
}

/// Prints a plan.
pub(crate) fn print_report(report: &ProvisionReport, format: OutputFormat) -> io::Result<Exit> {
    print(&match format {
        OutputFormat::Human => for_people(report),
        OutputFormat::Json => for_programs(report),
    })?;
    Ok(if report.refusals.is_empty() { Exit::Done } else { Exit::Configuration })
}

async fn on_topics(pipeline: &Pipeline, servers: &ServerArguments) -> Result<ProvisionReport, PlanError> {
    match &servers.kafka {
        None => on_tables(pipeline, servers, &EmbeddedTopicAdmin::ReadOnly(servers.data.clone())).await,
        #[cfg(feature = "kafka")]
        Some(_) => {
            use crate::backend::LogBackend;
            let topics = crate::backend::KafkaBackend::new(pipeline, &servers.secrets).admin().await?;
            on_tables(pipeline, servers, &topics).await
        }
        #[cfg(not(feature = "kafka"))]
        Some(_) => Err(BackendError::NotBuilt { server: "Kafka", feature: "kafka" }.into()),
    }
}

async fn on_tables(
    pipeline: &Pipeline,
    servers: &ServerArguments,
    topics: &impl TopicAdmin,
) -> Result<ProvisionReport, PlanError> {
    match &servers.cassandra {
        None => compare(pipeline, topics, &EmbeddedTableAdmin::ReadOnly(&servers.data)).await,
        #[cfg(feature = "cassandra")]
        Some(_) => {
            use crate::backend::TableBackend;
            let tables = crate::backend::CassandraBackend::new(pipeline, &servers.secrets).admin().await?;
            compare(pipeline, topics, &tables).await
        }
        #[cfg(not(feature = "cassandra"))]
        Some(_) => Err(BackendError::NotBuilt { server: "Cassandra", feature: "cassandra" }.into()),
    }
}

async fn compare(
    pipeline: &Pipeline,
    topics: &impl TopicAdmin,
    tables: &(impl TableAdmin + Claims),
) -> Result<ProvisionReport, PlanError> {
    Ok(provision::run(pipeline, topics, tables, Mode::Plan).await?)
}

fn for_people(report: &ProvisionReport) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: &mut dyn Iterator<Item = &str>| {
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            text.push_str(title);
            text.push('\n');
        }
        for line in lines {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
    };
    section(
        "Refused, so that nothing would be changed:",
        &mut report.refusals.iter().map(|refusal| refusal.text.as_str()),
    );
    section("Would be changed:", &mut report.changes.iter().map(|change| change.text.as_str()));
    section("Differs, and is left as it is:", &mut report.drift.iter().map(|drift| drift.text.as_str()));
    if text.is_empty() { "Nothing to change: everything is as the pipeline says.\n".to_owned() } else { text }
}

fn for_programs(report: &ProvisionReport) -> String {
    // Texts and numbers: there is nothing in it that JSON has no form for.
    serde_json::to_string(report).unwrap_or_default() + "\n"
}
