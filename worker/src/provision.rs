//! Provisioning: makes the topics, the keyspace and the table that a pipeline needs, and deletes what it made.
//!
//! Describe, compare, change: what is there is described through two small seams ([`TopicAdmin`], [`TableAdmin`]), a
//! pure comparison ([`topic`], [`keyspace`], [`table`](mod@table)) yields the smallest change or a refusal, and only then
//! anything is changed. One refusal, and nothing is changed at all. After the changes everything is described again, and
//! there must be nothing left to do.
//!
//! **Who created what** is recorded as claims in the pipeline's keyspace (see [`Claims`]): Kafka and Cassandra themselves
//! do not know. A claim is recorded before its resource is created and gets the id of the resource (Kafka's topic id,
//! Cassandra's table id) afterwards, so a run that is killed anywhere is finished by the next one, and a topic or table
//! that somebody deleted and made again by hand is never taken for the pipeline's own.
//!
//! **One at a time**: changes are made by whoever has the turn, a row of the claims taken with a lightweight transaction
//! that ends by itself. `CREATE TABLE IF NOT EXISTS` alone is no lock: two nodes may create two tables of one name
//! (CASSANDRA-10699), and the loser's rows are lost at the next restart. The claims' own table cannot be guarded by
//! itself; it is created with an id that follows from its name, so that two creators create the same table.

pub mod admin;
#[cfg(feature = "cassandra")]
pub mod cassandra;
mod change;
mod cleanup;
mod cql;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(test)]
mod fixtures;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod keyspace;
mod lock;
mod observation;
pub mod resource;
pub mod table;
pub mod topic;

use std::time::Duration;

use userstream_crds::Pipeline;
use userstream_crds::model::Mode;
use userstream_crds::provision_report::{ProvisionReport, ReportLine};

pub use admin::{AdminError, Claims, TableAdmin, TopicAdmin};
pub use cleanup::cleanup;

use lock::Turn;
use observation::{Observation, keyspace_line};
use resource::{Owner, Resource};

/// Why provisioning did not come to an end. What was refused for a reason is no error: see [`ProvisionReport::refusals`].
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Kafka or Cassandra could not be asked or told.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Another run had the turn all the time.
    #[error("another run has been making changes in keyspace {keyspace} for {} s", waited.as_secs())]
    NotOurTurn {
        /// The keyspace.
        keyspace: String,
        /// How long this one waited.
        waited: Duration,
    },
    /// The turn ended in the middle: this run was too slow.
    #[error("the turn to make changes in keyspace {keyspace} was lost to another run")]
    LostTurn {
        /// The keyspace.
        keyspace: String,
    },
    /// After all changes there is still something to do: somebody changes the same things.
    #[error("after the changes there is still something to do: {}", .0.join("; "))]
    Unsettled(Vec<String>),
}

impl ProvisionError {
    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Admin(error) => error.is_retryable(),
            Self::NotOurTurn { .. } | Self::LostTurn { .. } | Self::Unsettled(_) => true,
        }
    }
}

/// Makes what a pipeline needs, or with [`Mode::Plan`] only says what it would make.
///
/// Idempotent: a second run changes nothing, and a run that was killed anywhere is finished by the next one.
///
/// # Errors
/// When Kafka or Cassandra could not be asked or told. Some changes may have been made then.
pub async fn run<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    mode: Mode,
) -> Result<ProvisionReport, ProvisionError> {
    let first = Observation::of(pipeline, topics, tables).await?;
    let plan = first.plan(pipeline);
    if mode == Mode::Plan || plan.is_refused() || plan.is_empty() {
        return Ok(first.report(pipeline, &plan, mode));
    }
    let (keyspace, owner) = (&pipeline.keyspace.name, Owner::of(pipeline));
    let mut made = Vec::new();
    if plan.create_keyspace {
        tables.create_keyspace(&pipeline.keyspace).await?;
        made.push(keyspace_line(pipeline));
    }
    tables.prepare_claims(keyspace).await?;
    if plan.create_keyspace {
        let resource = Resource::Keyspace(keyspace.clone());
        tables.record_claim(keyspace, &resource, &owner, Some(keyspace.as_str())).await?;
    }
    let turn = Turn::take(tables, keyspace, &owner).await?;
    let result = within_turn(pipeline, topics, tables, &turn, made).await;
    turn.end().await;
    result
}

/// Describes again, now that nobody else makes changes, makes them, and checks that there is nothing left to do.
async fn within_turn<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    turn: &Turn<'_, D>,
    mut made: Vec<ReportLine>,
) -> Result<ProvisionReport, ProvisionError> {
    let seen = Observation::of(pipeline, topics, tables).await?;
    let plan = seen.plan(pipeline);
    if plan.is_refused() {
        return Ok(seen.report(pipeline, &plan, Mode::Apply));
    }
    made.extend(change::make(pipeline, &plan, topics, tables, turn).await?);
    let last = Observation::of(pipeline, topics, tables).await?;
    let left = last.plan(pipeline);
    let mut report = last.report(pipeline, &left, Mode::Apply);
    if left.is_refused() || !left.is_empty() {
        return Err(ProvisionError::Unsettled(report.lines().map(str::to_owned).collect()));
    }
    if let Some(table) = &mut report.table {
        let of_table =
            |line: &&ReportLine| line.resource == Resource::Table(pipeline.table.name.clone()).to_string();
        table.last_ddl = made.iter().rfind(of_table).and_then(|line| line.statement.clone());
    }
    report.changes = made;
    Ok(report)
}
