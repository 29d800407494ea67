//! The statement that a table's rows are written with, and its prepared form.

use std::sync::{Arc, Mutex};

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use userstream_crds::model::Table;

use super::binding::{Binding, Bound};
use super::error::{Cause, Failure, classify, prepare};
use crate::delivery::retry::Retry;
use crate::record::AsRow;

/// Batches of up to this many rows are built once and cached.
const CACHED_BATCHES: usize = 64;

/// The `INSERT` of a table.
#[derive(Debug, Clone)]
pub(super) struct Insert {
    cql: String,
    binding: Binding,
    table: String,
}

/// Why a statement cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatementError {
    /// The server refuses the statement.
    #[error("the statement for {table} cannot be prepared: {source}")]
    Prepare {
        /// The table.
        table: String,
        /// What the server reported.
        source: PrepareError,
    },
    /// The server prepared the statement with other types.
    #[error("the columns of {table} have other types than the pipeline's")]
    OtherTypes {
        /// The table.
        table: String,
    },
}

impl StatementError {
    /// The cause in metrics.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Prepare { source, .. } => prepare(source),
            Self::OtherTypes { .. } => Cause::Schema,
        }
    }
}

impl Insert {
    /// The statement of a table.
    pub(super) fn into(table: &Table) -> Self {
        Self { cql: insert(table), binding: Binding::of(table), table: table.quoted() }
    }

    /// Prepares the statement.
    ///
    /// # Errors
    /// When the server refuses it, or the table's columns have other types.
    pub(super) async fn prepare(&self, session: &Session) -> Result<PreparedInsert, StatementError> {
        let mut prepared = session
            .prepare(self.cql.as_str())
            .await
            .map_err(|source| StatementError::Prepare { table: self.table.clone(), source })?;
        prepared.set_is_idempotent(true);
        if !self.binding.fits(prepared.get_variable_col_specs().iter().map(|value| value.typ())) {
            return Err(StatementError::OtherTypes { table: self.table.clone() });
        }
        Ok(PreparedInsert { insert: self.clone(), prepared, batches: Mutex::default() })
    }
}

/// The `INSERT` of a table, prepared on one session.
pub(super) struct PreparedInsert {
    insert: Insert,
    prepared: PreparedStatement,
    /// The cached batches. Index `n` has the batch of `n + 1` rows.
    batches: Mutex<Vec<Option<Arc<Batch>>>>,
}

impl PreparedInsert {
    /// Writes rows of one partition key in one request.
    ///
    /// # Errors
    /// When the rows may not have been written.
    pub(super) async fn write(&self, session: &Session, rows: &[impl AsRow]) -> Result<(), Failure> {
        let binding = &self.insert.binding;
        let result = match rows {
            [] => return Ok(()),
            [row] => session.execute_unpaged(&self.prepared, Bound { row: row.as_row(), binding }).await,
            rows => {
                let values: Vec<Bound<'_>> =
                    rows.iter().map(|row| Bound { row: row.as_row(), binding }).collect();
                session.batch(&self.batch(rows.len()), values).await
            }
        };
        let Err(error) = result else { return Ok(()) };
        let (retry, cause) = classify(&error);
        if cause == Cause::Invalid
            && let Err(altered) = self.insert.prepare(session).await
        {
            return Err(Failure {
                retry: Retry::Transient,
                cause: altered.cause(),
                source: Box::new(altered),
            });
        }
        Err(Failure { retry, cause, source: Box::new(error) })
    }

    /// The batch of a number of rows. They share a partition key, so the server applies one mutation without a batch
    /// log.
    fn batch(&self, rows: usize) -> Arc<Batch> {
        let mut batches = self.batches.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if batches.len() < rows.min(CACHED_BATCHES) {
            batches.resize(rows.min(CACHED_BATCHES), None);
        }
        match rows.checked_sub(1).and_then(|index| batches.get_mut(index)) {
            Some(cached) => Arc::clone(cached.get_or_insert_with(|| self.new_batch(rows))),
            None => self.new_batch(rows),
        }
    }

    fn new_batch(&self, rows: usize) -> Arc<Batch> {
        let statement = BatchStatement::PreparedStatement(self.prepared.clone());
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, vec![statement; rows]);
        batch.set_is_idempotent(true);
        Arc::new(batch)
    }
}

/// `INSERT` of every column, with the write time as the last value.
///
/// Each value has the type of its column. The server refuses to prepare the statement when a column has another type,
/// also when it prepares it again after the table was dropped and recreated. Without the types, the bytes of an int
/// would end up in a text column of the same name.
fn insert(table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| column.name.quoted()).collect();
    let values: Vec<String> =
        table.columns.iter().map(|column| format!("({})?", column.cql_type.name())).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) USING TIMESTAMP ?",
        table.quoted(),
        names.join(", "),
        values.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use userstream_crds::worker_config::WorkerConfig;

    use super::*;

    #[test]
    fn names_are_quoted_and_values_typed() {
        let config = serde_json::json!({
            "version": 1,
            "pipeline": {"namespace": "demo", "name": "users"},
            "spec": {
                "schema": {"fields": [
                    {"name": "select", "type": "uuid", "required": true},
                    {"name": "age", "type": "int"},
                ]},
                "kafka": {"bootstrapServers": "kafka:9092", "topic": {"name": "users"}},
                "processor": {},
                "sink": {"cassandra": {
                    "contactPoints": ["table:9042"],
                    "keyspace": {"name": "demo"},
                    "table": {"name": "users", "partitionKey": ["select"], "columns": [
                        {"name": "select"}, {"name": "years", "type": "varint", "field": "age"},
                    ]},
                }},
            },
        });
        let (_, pipeline) = WorkerConfig::parse(&config.to_string()).unwrap();
        assert_eq!(
            insert(&pipeline.table),
            r#"INSERT INTO "demo"."users" ("select", "years") VALUES ((uuid)?, (varint)?) USING TIMESTAMP ?"#
        );
    }
}
