//! `usp plan FILE`: the changes that provisioning would make.

use std::path::Path;

use userstream_crds::model::{Mode, Pipeline};
use userstream_crds::provision_report::ProvisionReport;
use userstream_worker::provision::embedded::{EmbeddedTableAdmin, EmbeddedTopicAdmin};
use userstream_worker::provision::{self, Claims, ProvisionError, TableAdmin, TopicAdmin};

use super::CommandError;
use super::provision_report::print_report;
use super::runtime::block_on;
use crate::arguments::{PlanArguments, ServerArguments};
use crate::backend::{BackendError, override_servers};
use crate::exit::Exit;
use crate::resource;

/// Why a plan failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    /// A backend cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Topic, keyspace or table cannot be described.
    #[error("planning failed: {0}")]
    Provision(#[from] ProvisionError),
}

impl PlanError {
    /// The exit code of the command.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Backend(error) => error.exit(),
            Self::Provision(error) if error.is_retryable() => Exit::Unavailable,
            Self::Provision(_) => Exit::Configuration,
        }
    }
}

/// Prints the changes that provisioning would make.
pub(super) fn plan(arguments: &PlanArguments, file: &Path) -> Result<Exit, CommandError> {
    let mut pipeline = resource::load(file)?;
    override_servers(&mut pipeline, &arguments.servers);
    let report = block_on(plan_on_backends(&pipeline, &arguments.servers))??;
    Ok(print_report(&report, arguments.output)?)
}

async fn plan_on_backends(
    pipeline: &Pipeline,
    servers: &ServerArguments,
) -> Result<ProvisionReport, PlanError> {
    match &servers.kafka {
        None => plan_on_log(pipeline, servers, &EmbeddedTopicAdmin::ReadOnly(servers.data.clone())).await,
        #[cfg(feature = "kafka")]
        Some(_) => {
            use crate::backend::LogBackend;
            let topics = crate::backend::KafkaBackend::new(pipeline, &servers.secrets).admin().await?;
            plan_on_log(pipeline, servers, &topics).await
        }
        #[cfg(not(feature = "kafka"))]
        Some(_) => Err(BackendError::NotBuilt { server: "Kafka", feature: "kafka" }.into()),
    }
}

async fn plan_on_log(
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
