//! Provisioning in Cassandra: reads `system_schema`, executes one statement at a time, and awaits schema agreement.

mod claims;
mod errors;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::response::query_result::QueryRowsResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::{Consistency, SerialConsistency, Statement};
use userstream_crds::identifier::Identifier;
use userstream_crds::model::{CqlType, Keyspace, Pipeline, Table, TableOptions};
use uuid::Uuid;

use super::admin::{AdminError, TableAdmin};
use super::cql;
use super::keyspace::{Datacenters, ObservedKeyspace};
use super::table::{ColumnKind, ObservedColumn, ObservedTable, TableChange};
use crate::security::credentials::{CredentialSource, CredentialWatch};
use crate::table::cassandra::{ConnectError, session};

use errors::{agreement, execution, rows, wrong_row};

/// The timeout of one schema change, which includes the nodes' agreement.
const SCHEMA_CHANGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Administers keyspaces and tables of a cluster.
#[derive(Debug)]
pub struct CassandraTableAdmin {
    session: Session,
}

impl CassandraTableAdmin {
    /// Opens a session with the pipeline's credentials.
    ///
    /// # Errors
    /// When credentials are missing, no node answers, or none accepts the credentials.
    pub async fn connect(pipeline: &Pipeline, secrets: &Path) -> Result<Self, ConnectError> {
        let credentials = CredentialWatch::start(CredentialSource::cassandra(&pipeline.cassandra, secrets))?;
        Ok(Self { session: session(&pipeline.cassandra, credentials.current()).await? })
    }

    /// Executes a statement that changes the schema. Awaits schema agreement before and after.
    async fn change_schema(&self, statement: String) -> Result<(), AdminError> {
        self.session.await_schema_agreement().await.map_err(agreement)?;
        let mut statement = Statement::new(statement);
        statement.set_request_timeout(Some(SCHEMA_CHANGE_TIMEOUT));
        self.session.query_unpaged(statement, ()).await.map_err(execution)?;
        self.session.await_schema_agreement().await.map_err(agreement)?;
        Ok(())
    }

    async fn query(
        &self,
        statement: Statement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, AdminError> {
        let result = self.session.query_unpaged(statement, values).await.map_err(execution)?;
        result.into_rows_result().map_err(rows)
    }

    /// Reads the schema as one node sees it.
    async fn schema(&self, query: &str, values: impl SerializeRow) -> Result<QueryRowsResult, AdminError> {
        let mut statement = Statement::new(query);
        statement.set_consistency(Consistency::One);
        statement.set_is_idempotent(true);
        self.query(statement, values).await
    }
}

/// A statement on the claims: at QUORUM, and at SERIAL over all datacenters for conditional statements.
fn of_claims(query: String) -> Statement {
    let mut statement = Statement::new(query);
    statement.set_consistency(Consistency::Quorum);
    statement.set_serial_consistency(Some(SerialConsistency::Serial));
    statement
}

fn first<R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>>(
    result: &QueryRowsResult,
) -> Result<Option<R>, AdminError> {
    result.maybe_first_row::<R>().map_err(wrong_row)
}

impl TableAdmin for CassandraTableAdmin {
    async fn datacenters(&self) -> Result<Option<Datacenters>, AdminError> {
        let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
        for node in self.session.get_cluster_state().get_nodes_info() {
            if let Some(datacenter) = &node.datacenter {
                *nodes.entry(datacenter.clone()).or_default() += 1;
            }
        }
        Ok(Some(Datacenters(nodes)))
    }

    async fn keyspace(&self, name: &Identifier) -> Result<Option<ObservedKeyspace>, AdminError> {
        let query = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
        let found = self.schema(query, (name.as_str(),)).await?;
        let found = first::<(BTreeMap<String, String>,)>(&found)?;
        Ok(found.map(|(replication,)| ObservedKeyspace { replication }))
    }

    async fn table(
        &self,
        keyspace: &Identifier,
        name: &Identifier,
    ) -> Result<Option<ObservedTable>, AdminError> {
        let table = (keyspace.as_str(), name.as_str());
        let query = "SELECT id, default_time_to_live, comment, gc_grace_seconds, compaction FROM system_schema.tables \
                     WHERE keyspace_name = ? AND table_name = ?";
        let found = self.schema(query, table).await?;
        let Some((id, time_to_live, comment, grace, compaction)) = first::<TableRow>(&found)? else {
            return Ok(None);
        };
        let query = "SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? AND \
                     table_name = ?";
        let columns = self.schema(query, table).await?;
        let columns = columns.rows::<(String, String, String, i32)>().map_err(errors::wrong_rows)?;
        let columns: BTreeMap<_, _> = columns
            .map(|column| {
                let (name, cql_type, kind, position) = column.map_err(errors::wrong_value)?;
                Ok((name, ObservedColumn { cql_type, kind: kind_of(&kind, position) }))
            })
            .collect::<Result<_, AdminError>>()?;
        let seconds =
            |seconds: Option<i32>| seconds.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        let options = TableOptions {
            default_time_to_live: seconds(time_to_live),
            comment,
            gc_grace: seconds(grace),
            compaction,
        };
        Ok(Some(ObservedTable { id: id.to_string(), columns, options }))
    }

    async fn has_tables(&self, keyspace: &Identifier) -> Result<bool, AdminError> {
        let query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
        let found = self.schema(query, (keyspace.as_str(),)).await?;
        for table in found.rows::<(String,)>().map_err(errors::wrong_rows)? {
            if table.map_err(errors::wrong_value)?.0 != cql::CLAIMS_TABLE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn create_keyspace(&self, keyspace: &Keyspace) -> Result<(), AdminError> {
        self.change_schema(cql::create_keyspace(keyspace)).await
    }

    async fn create_table(&self, table: &Table) -> Result<(), AdminError> {
        self.change_schema(TableChange::Create.statement(table)).await
    }

    async fn add_columns(&self, table: &Table, columns: &[(Identifier, CqlType)]) -> Result<(), AdminError> {
        self.change_schema(cql::add_columns(table, columns)).await
    }

    async fn alter_options(&self, table: &Table, options: &TableOptions) -> Result<(), AdminError> {
        self.change_schema(cql::alter_options(table, options)).await
    }

    async fn drop_table(&self, table: &Table, id: &str) -> Result<bool, AdminError> {
        let observed = self.table(&table.keyspace, &table.name).await?;
        if observed.is_none_or(|observed| observed.id != id) {
            return Ok(false);
        }
        self.change_schema(cql::drop_table(table)).await?;
        Ok(true)
    }

    async fn drop_keyspace(&self, keyspace: &Identifier) -> Result<(), AdminError> {
        self.change_schema(cql::drop_keyspace(keyspace)).await
    }
}

type TableRow = (Uuid, Option<i32>, Option<String>, Option<i32>, Option<BTreeMap<String, String>>);

fn kind_of(kind: &str, position: i32) -> ColumnKind {
    // Columns outside the key have the position -1.
    let position = u32::try_from(position).unwrap_or_default();
    match kind {
        "partition_key" => ColumnKind::PartitionKey(position),
        "clustering" => ColumnKind::Clustering(position),
        "static" => ColumnKind::Static,
        _ => ColumnKind::Regular,
    }
}
