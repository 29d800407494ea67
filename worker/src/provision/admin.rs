//! The two seams of provisioning: what administers topics, and what administers tables.

use std::collections::BTreeMap;

use userstream_crds::identifier::{Identifier, TopicName};
use userstream_crds::model::{CqlType, Keyspace, Table, TableOptions};

use super::keyspace::{Datacenters, ObservedKeyspace};
use super::resource::{Claim, Owner, Resource};
use super::table::ObservedTable;
use super::topic::{DesiredTopic, ObservedTopic};

/// Administers topics. Implementations: Kafka, and the embedded log.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait TopicAdmin {
    /// The topic as it is; none where it does not exist.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn topic(&self, name: &TopicName) -> Result<Option<ObservedTopic>, AdminError>;

    /// Creates a topic as it is wanted, and returns when it is to be seen. That somebody else created it meanwhile is no
    /// error.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn create_topic(&self, topic: &DesiredTopic, owner: &Owner) -> Result<(), AdminError>;

    /// Gives a topic more partitions, and returns when they are to be seen.
    ///
    /// # Errors
    /// When it may not have been done.
    async fn grow_topic(&self, name: &TopicName, partitions: u32) -> Result<(), AdminError>;

    /// Sets settings of a topic and leaves the others.
    ///
    /// # Errors
    /// When it may not have been done.
    async fn configure_topic(
        &self,
        name: &TopicName,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), AdminError>;

    /// Deletes a topic if it still has this id; false when it has not.
    ///
    /// # Errors
    /// When it may not have been deleted.
    async fn delete_topic(&self, name: &TopicName, id: &str) -> Result<bool, AdminError>;
}

/// Administers keyspaces and tables. Implementations: Cassandra, and the embedded tables.
///
/// Statements are made one at a time; each returns when all nodes agree on the schema.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait TableAdmin {
    /// How many nodes each datacenter has; none where replication has no effect.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn datacenters(&self) -> Result<Option<Datacenters>, AdminError>;

    /// The keyspace as it is; none where it does not exist.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn keyspace(&self, name: &Identifier) -> Result<Option<ObservedKeyspace>, AdminError>;

    /// The table as it is; none where it or its keyspace does not exist.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn table(
        &self,
        keyspace: &Identifier,
        name: &Identifier,
    ) -> Result<Option<ObservedTable>, AdminError>;

    /// Whether a keyspace has a table of anybody's beside the claims.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn has_tables(&self, keyspace: &Identifier) -> Result<bool, AdminError>;

    /// Creates a keyspace. That somebody else created it meanwhile is no error.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn create_keyspace(&self, keyspace: &Keyspace) -> Result<(), AdminError>;

    /// Creates a table. That somebody else created it meanwhile is no error.
    ///
    /// # Errors
    /// When it may not have been created.
    async fn create_table(&self, table: &Table) -> Result<(), AdminError>;

    /// Adds columns to a table.
    ///
    /// # Errors
    /// When they may not have been added.
    async fn add_columns(&self, table: &Table, columns: &[(Identifier, CqlType)]) -> Result<(), AdminError>;

    /// Sets the options that are some.
    ///
    /// # Errors
    /// When they may not have been set.
    async fn alter_options(&self, table: &Table, options: &TableOptions) -> Result<(), AdminError>;

    /// Drops a table if it still has this id; false when it has not.
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

/// The claims of a keyspace: which pipeline created what, and whose turn it is to make changes.
///
/// They lie in the keyspace itself, so that they are there for everyone who can create a table in it, and outlive the
/// cluster that the pipelines run in. A claim is recorded before its resource is created and gets the resource's id
/// afterwards: whoever is killed in between finds the claim, and goes on.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub trait Claims {
    /// The claim on a resource; none where there is none, or nothing was ever claimed in this keyspace.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn claim_on(&self, keyspace: &Identifier, resource: &Resource)
    -> Result<Option<Claim>, AdminError>;

    /// Makes room for claims in a keyspace that exists.
    ///
    /// # Errors
    /// When it may not have been done.
    async fn prepare_claims(&self, keyspace: &Identifier) -> Result<(), AdminError>;

    /// Records a claim, in place of any that was there.
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

    /// Forgets a claim.
    ///
    /// # Errors
    /// When it may not have been forgotten.
    async fn forget_claim(&self, keyspace: &Identifier, resource: &Resource) -> Result<(), AdminError>;

    /// Takes the turn to make changes, or keeps it; false when it is somebody else's. A turn that is not kept ends by
    /// itself after a minute or two.
    ///
    /// # Errors
    /// When it cannot be told whose turn it is.
    async fn take_turn(&self, keyspace: &Identifier, holder: &str) -> Result<bool, AdminError>;

    /// Ends the turn, if it is this holder's.
    ///
    /// # Errors
    /// When it may not have been ended.
    async fn end_turn(&self, keyspace: &Identifier, holder: &str) -> Result<(), AdminError>;
}

/// Why something could not be seen or changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A fault that passes: servers away, a request timed out, nodes that do not agree yet.
    #[error("{what} is unavailable ({cause}): {source}")]
    Unavailable {
        /// Kafka, Cassandra or a file.
        what: &'static str,
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault that stays until somebody changes something: not authorised, an invalid setting.
    #[error("{what} refuses ({cause}): {source}")]
    Refused {
        /// Kafka, Cassandra or a file.
        what: &'static str,
        /// A short name for metrics, from a fixed set.
        cause: &'static str,
        /// What the client reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl AdminError {
    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
