//! The two seams of provisioning: the administration of topics, and that of tables.

use std::collections::BTreeMap;

use userstream_crds::identifier::{Identifier, TopicName};
use userstream_crds::model::{CqlType, Keyspace, Table, TableOptions};

use super::keyspace::{Datacenters, ObservedKeyspace};
use super::resource::{Claim, Owner, Resource};
use super::table::ObservedTable;
use super::topic::{DesiredTopic, ObservedTopic};

/// Administers topics. Implementations: Kafka and the embedded log.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait TopicAdmin {
    /// The observed topic. `None` where it does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn topic(&self, name: &TopicName) -> Result<Option<ObservedTopic>, AdminError>;

    /// Creates a topic and returns once clients see it. An existing topic is not an error.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn create_topic(&self, topic: &DesiredTopic, owner: &Owner) -> Result<(), AdminError>;

    /// Increases the number of partitions and returns once clients see them.
    ///
    /// # Errors
    /// When the partitions may not have been added.
    async fn grow_topic(&self, name: &TopicName, partitions: u32) -> Result<(), AdminError>;

    /// Sets settings of a topic and keeps the others.
    ///
    /// # Errors
    /// When the settings may not have been changed.
    async fn configure_topic(
        &self,
        name: &TopicName,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError>;

    /// Deletes a topic if it still has this id. Returns false if it does not.
    ///
    /// # Errors
    /// When it may not have been deleted.
    async fn delete_topic(&self, name: &TopicName, id: &str) -> Result<bool, AdminError>;
}

/// Administers keyspaces and tables. Implementations: Cassandra and the embedded tables.
///
/// Statements are executed one at a time; each returns once all nodes agree on the schema.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait TableAdmin {
    /// The number of nodes per datacenter. `None` where replication has no effect.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn datacenters(&self) -> Result<Option<Datacenters>, AdminError>;

    /// The observed keyspace. `None` where it does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn keyspace(&self, name: &Identifier) -> Result<Option<ObservedKeyspace>, AdminError>;

    /// The observed table. `None` where it or its keyspace does not exist.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn table(
        &self,
        keyspace: &Identifier,
        name: &Identifier,
    ) -> Result<Option<ObservedTable>, AdminError>;

    /// Whether a keyspace has any table other than the claims.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn has_tables(&self, keyspace: &Identifier) -> Result<bool, AdminError>;

    /// Creates a keyspace. An existing keyspace is not an error.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn create_keyspace(&self, keyspace: &Keyspace) -> Result<(), AdminError>;

    /// Creates a table. An existing table is not an error.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn create_table(&self, table: &Table) -> Result<(), AdminError>;

    /// Adds columns to a table.
    ///
    /// # Errors
    /// When they may not have been added.
    async fn add_columns(&self, table: &Table, columns: &[(Identifier, CqlType)]) -> Result<(), AdminError>;

    /// Sets the options that are `Some`.
    ///
    /// # Errors
    /// When they may not have been set.
    async fn alter_options(&self, table: &Table, options: &TableOptions) -> Result<(), AdminError>;

    /// Drops a table if it still has this id. Returns false if it does not.
    ///
    /// # Errors
    /// When it may not have been dropped.
    async fn drop_table(&self, table: &Table, id: &str) -> Result<bool, AdminError>;

    /// Drops a keyspace with everything in it.
    ///
    /// # Errors
    /// When it may not have been dropped.
    async fn drop_keyspace(&self, keyspace: &Identifier) -> Result<(), AdminError>;
}

/// The claims of a keyspace, which record the pipeline that created each resource, and the provisioning lock.
///
/// They are stored in the keyspace itself: every pipeline that can create a table there can read them, and they outlive
/// the Kubernetes cluster of the pipelines. A claim is recorded before its resource is created and gets the resource's
/// id afterwards, so that the next run completes one that was killed in between.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Claims {
    /// The claim on a resource. `None` without one, or without any claims in this keyspace.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn claim_on(&self, keyspace: &Identifier, resource: &Resource)
    -> Result<Option<Claim>, AdminError>;

    /// Creates the storage of the claims in a keyspace that exists.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn prepare_claims(&self, keyspace: &Identifier) -> Result<(), AdminError>;

    /// Records a claim, replacing an existing one.
    ///
    /// # Errors
    /// When it may not have been recorded.
    async fn record_claim(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
        owner: &Owner,
        id: Option<&str>,
    ) -> Result<(), AdminError>;

    /// Deletes a claim.
    ///
    /// # Errors
    /// When it may not have been deleted.
    async fn delete_claim(&self, keyspace: &Identifier, resource: &Resource) -> Result<(), AdminError>;

    /// Acquires the provisioning lock, or renews its lease. Returns false while another holder has it.
    ///
    /// The lease ends two minutes after its last renewal.
    ///
    /// # Errors
    /// When the holder of the lock is unknown.
    async fn acquire_lock(&self, keyspace: &Identifier, holder: &str) -> Result<bool, AdminError>;

    /// Releases the lock, if this holder has it.
    ///
    /// # Errors
    /// When it may not have been released.
    async fn release_lock(&self, keyspace: &Identifier, holder: &str) -> Result<(), AdminError>;
}

/// Why a resource could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A transient error: servers are away, a request timed out, nodes do not agree yet.
    #[error("{what} is unavailable ({cause}): {source}")]
    Unavailable {
        /// The name of the system, for people.
        what: &'static str,
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A permanent error, until the configuration or the servers change: not authorized, an invalid setting.
    #[error("{what} refused the request ({cause}): {source}")]
    Refused {
        /// The name of the system, for people.
        what: &'static str,
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// The client's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl AdminError {
    /// Whether a retry can succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
