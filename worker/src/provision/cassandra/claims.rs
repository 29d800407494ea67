//! The claims in a table of the keyspace, and the turn in a row of it that ends by itself.

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

/// The row of the turn.
const TURN: &str = "turn";
/// How long a turn lasts that is not kept: longer than any one statement may take.
const TURN_SECONDS: i32 = 120;
/// How long a node may take to know a table that it has written down, and how often it is asked meanwhile.
const OPENING: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// What the ids of claims' tables are derived from.
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
        let found = self.ask(query, &(resource.to_string(),)).await?.into_rows_result().map_err(rows)?;
        let found = first::<(Option<String>, Option<String>)>(&found)?;
        Ok(found.and_then(|(owner, id)| Some(Claim { owner: owner?, id })))
    }

    async fn prepare_claims(&self, keyspace: &Identifier) -> Result<(), AdminError> {
        if self.has_claims(keyspace).await? {
            return Ok(());
        }
        // The id follows from the name: two that create the table at once create the same one.
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

    async fn forget_claim(&self, keyspace: &Identifier, resource: &Resource) -> Result<(), AdminError> {
        let delete = format!("DELETE FROM {} WHERE resource = ?", cql::claims_table(keyspace));
        self.write(delete, (resource.to_string(),)).await
    }

    async fn take_turn(&self, keyspace: &Identifier, holder: &str) -> Result<bool, AdminError> {
        let claims = cql::claims_table(keyspace);
        let take = format!(
            "INSERT INTO {claims} (resource, owner) VALUES ('{TURN}', ?) IF NOT EXISTS USING TTL {TURN_SECONDS}"
        );
        if self.conditional(take, (holder,)).await? {
            return Ok(true);
        }
        let keep = format!(
            "UPDATE {claims} USING TTL {TURN_SECONDS} SET owner = ? WHERE resource = '{TURN}' IF owner = ?"
        );
        self.conditional(keep, (holder, holder)).await
    }

    async fn end_turn(&self, keyspace: &Identifier, holder: &str) -> Result<(), AdminError> {
        let claims = cql::claims_table(keyspace);
        let end = format!("DELETE FROM {claims} WHERE resource = '{TURN}' IF owner = ?");
        self.conditional(end, (holder,)).await?;
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
        self.ask(statement, &values).await?;
        Ok(())
    }

    /// Makes a conditional statement; whether its condition held.
    async fn conditional(&self, statement: String, values: impl SerializeRow) -> Result<bool, AdminError> {
        let result = self.ask(statement, &values).await?.into_rows_result().map_err(rows)?;
        // `[applied]` comes first; the columns behind it depend on the outcome.
        let row = first::<scylla::value::Row>(&result)?;
        let applied = row.and_then(|row| row.columns.into_iter().next().flatten());
        Ok(applied.and_then(|applied| applied.as_boolean()).unwrap_or_default())
    }

    /// Makes a statement on the claims' table, which was seen in the schema. A node writes a new table down a moment before
    /// it knows it: whoever did not create it may be told meanwhile that it does not exist.
    async fn ask(&self, statement: String, values: &impl SerializeRow) -> Result<QueryResult, AdminError> {
        let start = Instant::now();
        loop {
            let error = match self.session.query_unpaged(of_claims(statement.clone()), values).await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            let is_unknown = matches!(
                error,
                ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Invalid, _))
            );
            if !is_unknown || start.elapsed() >= OPENING {
                return Err(execution(error));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
