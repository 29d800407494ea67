//! Opens a session with a cluster: routing, timeouts and credentials.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::client::{PoolSize, SelfIdentity};
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, MetadataError,
    NewSessionError,
};
use scylla::policies::host_filter::DcHostFilter;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement;
use userstream_crds::model::{Cassandra, Consistency};

use super::tls::{TlsError, client_config};
use crate::security::credentials::{CredentialError, Credentials};

/// The timeout of a request. It exceeds the server's own timeouts, and so applies to unresponsive nodes alone.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);
/// The timeout of a connection to a node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The mounted certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The cluster cannot be reached, or refuses the credentials.
    #[error("cannot open a session with Cassandra: {0}")]
    Session(#[source] Box<NewSessionError>),
}

impl ConnectError {
    /// Whether the cluster was reached and authentication failed: a certificate or a password is wrong.
    pub fn is_refusal(&self) -> bool {
        let Self::Session(error) = self else { return true };
        let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(error)) = error.as_ref() else {
            return false;
        };
        let ConnectionPoolError::Broken { last_connection_error } = error else { return false };
        match last_connection_error {
            ConnectionError::IoError(error) => {
                let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
            }
            ConnectionError::ConnectionSetupRequestError(error) => matches!(
                error.get_error(),
                ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, _)
                    | ConnectionSetupRequestErrorKind::MissingAuthentication
            ),
            _ => false,
        }
    }
}

/// Opens a session with one connection to each node of the local datacenter.
///
/// # Errors
/// When no node answers, or none accepts the credentials.
pub(crate) async fn session(
    cassandra: &Cassandra,
    credentials: &Credentials,
) -> Result<Session, ConnectError> {
    let datacenter = cassandra.local_datacenter.as_str();
    let routing = DefaultPolicy::builder().prefer_datacenter(datacenter.to_owned()).token_aware(true);
    let profile = ExecutionProfile::builder()
        .consistency(consistency(cassandra.consistency))
        .request_timeout(Some(REQUEST_TIMEOUT))
        .load_balancing_policy(routing.permit_dc_failover(false).build())
        // The callers retry. Retries inside the driver would hide the state of the cluster from them.
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(cassandra.contact_points.iter().map(ToString::to_string))
        .default_execution_profile_handle(profile.into_handle())
        .host_filter(Arc::new(DcHostFilter::new(datacenter.to_owned())))
        .pool_size(PoolSize::PerHost(NonZeroUsize::MIN))
        .connection_timeout(CONNECT_TIMEOUT)
        // Detects a node that dies without closing its connections.
        .keepalive_interval(Duration::from_secs(5))
        .keepalive_timeout(Duration::from_secs(5))
        .tcp_keepalive_interval(Duration::from_secs(10))
        // Statements name their table and return no rows, so the schema is not needed.
        .fetch_schema_metadata(false)
        .custom_identity(
            SelfIdentity::new()
                .with_application_name("userstream")
                .with_application_version(env!("CARGO_PKG_VERSION")),
        );
    if let Some(login) = &credentials.login {
        builder = builder.user(&login.username, login.password());
    }
    if cassandra.tls.is_some() {
        builder = builder.tls_context(Some(client_config(cassandra, credentials)?));
    }
    builder.build().await.map_err(|error| ConnectError::Session(Box::new(error)))
}

fn consistency(consistency: Consistency) -> statement::Consistency {
    match consistency {
        Consistency::One => statement::Consistency::One,
        Consistency::Two => statement::Consistency::Two,
        Consistency::Three => statement::Consistency::Three,
        Consistency::Quorum => statement::Consistency::Quorum,
        Consistency::All => statement::Consistency::All,
        Consistency::LocalOne => statement::Consistency::LocalOne,
        Consistency::LocalQuorum => statement::Consistency::LocalQuorum,
        Consistency::EachQuorum => statement::Consistency::EachQuorum,
    }
}
