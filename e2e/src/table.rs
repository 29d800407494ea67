//! Cassandra tables and roles, through a client that the worker does not use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::NewSessionError;
use scylla::value::{CqlValue, Row as CqlRow};

use crate::oracle::{Cell, Row};
use crate::poll_until::poll_until;
use crate::rig::Rig;

/// A session with one of the rig's nodes.
#[derive(Debug)]
pub struct Cassandra(Session);

impl Cassandra {
    /// A session with the open node.
    pub async fn connect(rig: &Rig) -> Self {
        Self::open(|| SessionBuilder::new().known_node(&rig.cassandra)).await
    }

    /// A session with the secured node, as the role `username`.
    ///
    /// # Panics
    /// When the rig's certificates cannot be read.
    pub async fn connect_secure(rig: &Rig, username: &str, password: &str) -> Self {
        let tls = Arc::new(client_tls(&rig.certificates));
        Self::open(|| {
            SessionBuilder::new()
                .known_node(&rig.cassandra_secure)
                .tls_context(Some(tls.clone()))
                .user(username, password)
        })
        .await
    }

    async fn open(builder: impl Fn() -> SessionBuilder) -> Self {
        let connect = async || -> Result<Session, String> {
            let built: Result<Session, NewSessionError> =
                builder().connection_timeout(Duration::from_secs(5)).build().await;
            built.map_err(|error| error.to_string())
        };
        Self(poll_until("Cassandra accepts a session", Duration::from_secs(60), connect).await)
    }

    /// Sets the password of a superuser role. `verb` is CREATE or ALTER.
    ///
    /// # Panics
    /// When the node still refuses it after 20 s.
    pub async fn set_role_password(&self, role: &str, verb: &str, password: &str) {
        let statement =
            format!("{verb} ROLE {role} WITH PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = true");
        // The node accepts a new password of a role at most every five seconds.
        poll_until("the node accepts the password", Duration::from_secs(20), async || {
            self.try_execute(&statement).await
        })
        .await;
    }

    /// Runs one statement.
    ///
    /// # Panics
    /// When the node refuses it.
    pub async fn execute(&self, statement: &str) {
        self.try_execute(statement).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// When the node refuses it.
    pub async fn try_execute(&self, statement: &str) -> Result<(), String> {
        let result = self.0.query_unpaged(statement, &[]).await;
        result.map(drop).map_err(|error| format!("{statement}: {error}"))
    }

    /// Waits until the session has a connection. After a restart of its node, it reconnects with a delay.
    async fn await_connected(&self) {
        poll_until("the session is connected", Duration::from_secs(60), async || {
            let nodes = self.0.get_cluster_state();
            let is_connected = nodes.get_nodes_info().iter().any(|node| node.is_connected());
            if is_connected { Ok(()) } else { Err("no connection".to_owned()) }
        })
        .await;
    }

    /// All rows of a query, as values by position.
    ///
    /// # Panics
    /// When the node refuses it.
    pub async fn query(&self, statement: &str) -> Vec<Vec<Option<CqlValue>>> {
        self.await_connected().await;
        let rows = async {
            let pages = self.0.query_iter(statement, &[]).await.map_err(|error| error.to_string())?;
            let rows = pages.rows_stream::<CqlRow>().map_err(|error| error.to_string())?;
            rows.map_ok(|row| row.columns).try_collect().await.map_err(|error| error.to_string())
        };
        rows.await.unwrap_or_else(|error: String| panic!("{statement}: {error}"))
    }

    /// All rows of a table whose primary key is the column `key`, with the write time of each cell of `columns`.
    pub async fn rows(&self, keyspace: &str, table: &str, key: &str, columns: &[&'static str]) -> Vec<Row> {
        let cells: Vec<_> = columns.iter().map(|column| format!("{column}, writetime({column})")).collect();
        let statement = format!("SELECT {key}, {} FROM {keyspace}.{table}", cells.join(", "));
        self.query(&statement).await.into_iter().map(|values| row(values, columns)).collect()
    }

    /// How many rows a table has now.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn count(&self, keyspace: &str, table: &str) -> usize {
        let rows = self.query(&format!("SELECT count(*) FROM {keyspace}.{table}")).await;
        match rows.first().and_then(|row| row.first()) {
            Some(Some(CqlValue::BigInt(count))) => usize::try_from(*count).expect("a count is not negative"),
            other => panic!("count(*) returned {other:?}"),
        }
    }
}

fn row(values: Vec<Option<CqlValue>>, columns: &[&'static str]) -> Row {
    let mut values = values.into_iter();
    let key = values.next().flatten().map(|key| text(&key)).expect("a row has a key");
    let mut cells = BTreeMap::new();
    for column in columns {
        match (values.next().flatten(), values.next().flatten()) {
            (Some(value), Some(CqlValue::BigInt(write_time))) => {
                cells.insert(*column, Cell { value: text(&value), write_time });
            }
            (None, None) => {}
            other => panic!("{column} of {key} has the value and write time {other:?}"),
        }
    }
    (key, cells)
}

/// A value in the text form of the oracle.
fn text(value: &CqlValue) -> String {
    match value {
        CqlValue::Text(text) | CqlValue::Ascii(text) => text.clone(),
        CqlValue::Int(number) => number.to_string(),
        CqlValue::BigInt(number) => number.to_string(),
        CqlValue::Uuid(uuid) => uuid.to_string(),
        CqlValue::Timestamp(timestamp) => timestamp.0.to_string(),
        other => panic!("the tests' tables have no column with {other:?}"),
    }
}

/// TLS of a client that trusts the rig's authority alone.
fn client_tls(certificates: &Path) -> rustls::ClientConfig {
    let mut trusted = rustls::RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(certificates.join("ca.pem")).expect("ca.pem can be read") {
        trusted.add(authority.expect("ca.pem is PEM")).expect("ca.pem holds an authority");
    }
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS")
        .with_root_certificates(trusted)
        .with_no_client_auth()
}
