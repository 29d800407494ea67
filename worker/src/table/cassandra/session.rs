//! A session with a cluster: where, as whom, and how patiently.

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

/// How long a request may take. The server gives up sooner; this is for a node that says nothing any more.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);
/// How long it may take to reach a node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials are not mounted as they should be.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The certificates that are mounted are none.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The cluster cannot be reached, or lets nobody in.
    #[error("no session with Cassandra: {0}")]
    Session(#[source] Box<NewSessionError>),
}

impl ConnectError {
    /// Whether the cluster was reached and one side does not trust the other: a certificate or a password is wrong.
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

/// Opens a session that speaks to the nodes of the local datacenter, with one connection to each.
///
/// # Errors
/// When no node answers, or none lets these credentials in.
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
        // Whoever writes retries, and knows for how long: the driver would hide how the cluster fares.
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(cassandra.contact_points.iter().map(ToString::to_string))
        .default_execution_profile_handle(profile.into_handle())
        .host_filter(Arc::new(DcHostFilter::new(datacenter.to_owned())))
        .pool_size(PoolSize::PerHost(NonZeroUsize::MIN))
        .connection_timeout(CONNECT_TIMEOUT)
        // A node that died without a word is noticed after this.
        .keepalive_interval(Duration::from_secs(5))
        .keepalive_timeout(Duration::from_secs(5))
        .tcp_keepalive_interval(Duration::from_secs(10))
        // The statement names its table and the answers are empty: nothing of the schema is of use here.
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
