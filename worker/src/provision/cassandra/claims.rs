//! The claims in a table of the keyspace, and the lock as a row of that table with a TTL (an LWT lease).

use std::time::Duration;

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;
use tokio::time::Instant;
use userstream_crds::identifier::Identifier;
use uuid::Uuid;

use super::errors::{execution, rows};
use super::{CassandraTableAdmin, first, of_claims};
use crate::provision::admin::{AdminError, Claims};
use crate::provision::cql;
use crate::provision::resource::{Claim, Owner, Resource};

/// The key of the lock's row. All versions must use the same key to exclude each other.
const LOCK: &str = "turn";
/// The duration of the lease, in seconds: longer than any single statement may take.
const LEASE_SECONDS: i32 = 120;
/// How long a node may take to load a table that is already in its schema.
const TABLE_LOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval of retries until the node has loaded the table.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// The UUID namespace of the ids of the claims' tables.
const NAMESPACE: Uuid = Uuid::from_u128(0x2a6f_52c8_6f8c_4d0e_9a41_77d2_5b0e_63f4);

impl Claims for CassandraTableAdmin {
    async fn claim_on(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
    ) -> Result<Option<Claim>, AdminError> {
        if !self.has_claims(keyspace).await? {
            return Ok(None);
        }
        let query = format!("SELECT owner, id FROM {} WHERE resource = ?", cql::claims_table(keyspace));
        let found = self.execute(query, &(resource.to_string(),)).await?.into_rows_result().map_err(rows)?;
        let found = first::<(Option<String>, Option<String>)>(&found)?;
        Ok(found.and_then(|(owner, id)| Some(Claim { owner: owner?, id })))
    }

    async fn prepare_claims(&self, keyspace: &Identifier) -> Result<(), AdminError> {
        if self.has_claims(keyspace).await? {
            return Ok(());
        }
        // The id is derived from the name, so that two concurrent runs create the same table.
        let id = Uuid::new_v5(&NAMESPACE, keyspace.as_str().as_bytes());
        self.change_schema(cql::create_claims(keyspace, &id.to_string())).await
    }

    async fn record_claim(
        &self,
        keyspace: &Identifier,
        resource: &Resource,
        owner: &Owner,
        id: Option<&str>,
    ) -> Result<(), AdminError> {
        let insert =
            format!("INSERT INTO {} (resource, owner, id) VALUES (?, ?, ?)", cql::claims_table(keyspace));
        self.write(insert, (resource.to_string(), owner.as_str(), id)).await
    }

    async fn delete_claim(&self, keyspace: &Identifier, resource: &Resource) -> Result<(), AdminError> {
        let delete = format!("DELETE FROM {} WHERE resource = ?", cql::claims_table(keyspace));
        self.write(delete, (resource.to_string(),)).await
    }

    async fn acquire_lock(&self, keyspace: &Identifier, holder: &str) -> Result<bool, AdminError> {
        let claims = cql::claims_table(keyspace);
        let acquire = format!(
            "INSERT INTO {claims} (resource, owner) VALUES ('{LOCK}', ?) IF NOT EXISTS USING TTL {LEASE_SECONDS}"
        );
        if self.conditional(acquire, (holder,)).await? {
            return Ok(true);
        }
        let renew = format!(
            "UPDATE {claims} USING TTL {LEASE_SECONDS} SET owner = ? WHERE resource = '{LOCK}' IF owner = ?"
        );
        self.conditional(renew, (holder, holder)).await
    }

    async fn release_lock(&self, keyspace: &Identifier, holder: &str) -> Result<(), AdminError> {
        let claims = cql::claims_table(keyspace);
        let release = format!("DELETE FROM {claims} WHERE resource = '{LOCK}' IF owner = ?");
        self.conditional(release, (holder,)).await?;
        Ok(())
    }
}

impl CassandraTableAdmin {
    async fn has_claims(&self, keyspace: &Identifier) -> Result<bool, AdminError> {
        let query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?";
        let found = self.schema(query, (keyspace.as_str(), cql::CLAIMS_TABLE)).await?;
        Ok(found.rows_num() > 0)
    }

    async fn write(&self, statement: String, values: impl SerializeRow) -> Result<(), AdminError> {
        self.execute(statement, &values).await?;
        Ok(())
    }

    /// Executes a conditional statement and returns whether its condition held.
    async fn conditional(&self, statement: String, values: impl SerializeRow) -> Result<bool, AdminError> {
        let result = self.execute(statement, &values).await?.into_rows_result().map_err(rows)?;
        // `[applied]` is the first column; the others depend on the outcome.
        let row = first::<scylla::value::Row>(&result)?;
        let applied = row.and_then(|row| row.columns.into_iter().next().flatten());
        Ok(applied.and_then(|applied| applied.as_boolean()).unwrap_or_default())
    }

    /// Executes a statement on the claims' table, which is in the schema.
    ///
    /// Retries an "unconfigured table" error: a node adds a new table to its schema shortly before it loads the table.
    async fn execute(
        &self,
        statement: String,
        values: &impl SerializeRow,
    ) -> Result<QueryResult, AdminError> {
        let start = Instant::now();
        loop {
            let error = match self.session.query_unpaged(of_claims(statement.clone()), values).await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            let is_not_loaded = matches!(
                error,
                ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, _))
            );
            if !is_not_loaded || start.elapsed() >= TABLE_LOAD_TIMEOUT {
                return Err(execution(error));
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }
}
