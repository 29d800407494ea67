//! Provisioning: creates the topics, the keyspace and the table that a pipeline needs, and deletes what it created.
//!
//! Describe, diff, apply: two small seams ([`TopicAdmin`], [`TableAdmin`]) describe what exists, and a pure diff
//! ([`topic`], [`keyspace`], [`table`](mod@table)) yields the smallest change or a refusal. A single refusal means that
//! nothing is changed. After the changes everything is described again, and the diff must be empty.
//!
//! **Ownership** is recorded as claims in the pipeline's keyspace (see [`Claims`]), because Kafka and Cassandra do not
//! record it. A claim is recorded before its resource is created and gets the resource's id (Kafka's topic id,
//! Cassandra's table id) afterwards. So the next run completes a run that was killed at any point, and a topic or table
//! that was deleted and recreated by hand never counts as the pipeline's.
//!
//! **Mutual exclusion**: a run applies changes while it holds the lock of the keyspace, a row of the claims with a
//! lease, taken by a lightweight transaction. `CREATE TABLE IF NOT EXISTS` alone is not enough: two nodes may create
//! two tables of one name (CASSANDRA-10699), and the rows of one are lost at the next restart. The lock cannot protect
//! the table that it lies in; its id is derived from its name, so that two concurrent runs create the same table.

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

use lock::Lock;
use observation::{Observation, keyspace_line};
use resource::{Owner, Resource};

/// Why provisioning did not complete. A refusal is not an error: see [`ProvisionReport::refusals`].
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Kafka or Cassandra could not be read or changed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Another run held the lock for too long.
    #[error("another run has held the provisioning lock of keyspace {keyspace} for {} s", waited.as_secs())]
    LockTimeout {
        /// The keyspace.
        keyspace: String,
        /// How long this run waited for the lock.
        waited: Duration,
    },
    /// The lease ended before the run did, and another run has the lock.
    #[error("the provisioning lock of keyspace {keyspace} was lost to another run")]
    LockLost {
        /// The keyspace.
        keyspace: String,
    },
    /// The diff is not empty after all changes, because something else changes the same resources.
    #[error("differences remain after the changes: {}", .0.join("; "))]
    NotConverged(Vec<String>),
}

impl ProvisionError {
    /// Whether a retry can succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Admin(error) => error.is_retryable(),
            Self::LockTimeout { .. } | Self::LockLost { .. } | Self::NotConverged(_) => true,
        }
    }
}

/// Creates and changes what a pipeline needs. With [`Mode::Plan`] it reports the changes and applies none.
///
/// Idempotent: a second run changes nothing, and the next run completes one that was killed at any point.
///
/// # Errors
/// When Kafka or Cassandra could not be read or changed. Some changes may have been applied.
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
    let mut applied = Vec::new();
    if plan.create_keyspace {
        tables.create_keyspace(&pipeline.keyspace).await?;
        applied.push(keyspace_line(pipeline));
    }
    tables.prepare_claims(keyspace).await?;
    if plan.create_keyspace {
        let resource = Resource::Keyspace(keyspace.clone());
        tables.record_claim(keyspace, &resource, &owner, Some(keyspace.as_str())).await?;
    }
    let lock = Lock::acquire(tables, keyspace, &owner).await?;
    let result = apply_under_lock(pipeline, topics, tables, &lock, applied).await;
    lock.release().await;
    result
}

/// Describes again, because another run may have made changes before the lock was acquired, applies the diff, and
/// checks that it is empty afterwards.
async fn apply_under_lock<T: TopicAdmin, D: TableAdmin + Claims>(
    pipeline: &Pipeline,
    topics: &T,
    tables: &D,
    lock: &Lock<'_, D>,
    mut applied: Vec<ReportLine>,
) -> Result<ProvisionReport, ProvisionError> {
    let before = Observation::of(pipeline, topics, tables).await?;
    let plan = before.plan(pipeline);
    if plan.is_refused() {
        return Ok(before.report(pipeline, &plan, Mode::Apply));
    }
    applied.extend(change::apply(pipeline, &plan, topics, tables, lock).await?);
    let after = Observation::of(pipeline, topics, tables).await?;
    let remaining = after.plan(pipeline);
    let mut report = after.report(pipeline, &remaining, Mode::Apply);
    if remaining.is_refused() || !remaining.is_empty() {
        return Err(ProvisionError::NotConverged(report.lines().map(str::to_owned).collect()));
    }
    if let Some(table) = &mut report.table {
        let of_table =
            |line: &&ReportLine| line.resource == Resource::Table(pipeline.table.name.clone()).to_string();
        table.last_ddl = applied.iter().rfind(of_table).and_then(|line| line.statement.clone());
    }
    report.changes = applied;
    Ok(report)
}
