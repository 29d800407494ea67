//! TLS to the nodes: rustls with ring.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use userstream_crds::model::Cassandra;

use crate::security::credentials::{ClientCertificate, Credentials, Sensitive};

/// Why TLS cannot be set up with what is mounted. Never holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM.
    #[error("the {what} mounted for Cassandra is not PEM: {source}")]
    NotPem {
        /// What should have been.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// There is no certificate in the bundle of authorities.
    #[error("there is no certificate authority to trust for Cassandra")]
    NoAuthority,
    /// An authority, or the client's certificate and key, cannot be used.
    #[error("the certificates mounted for Cassandra cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// An authority cannot be checked against.
    #[error("the certificate authorities mounted for Cassandra cannot be used: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// The settings of TLS connections to the nodes of a cluster.
///
/// # Errors
/// When certificates or keys are unusable.
pub(super) fn client_config(
    cassandra: &Cassandra,
    credentials: &Credentials,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = Arc::new(authorities(credentials.authorities.as_ref())?);
    let verifier = NodeVerifier {
        inner: WebPkiServerVerifier::builder_with_provider(authorities, Arc::clone(&provider)).build()?,
        names: cassandra
            .contact_points
            .iter()
            .filter_map(|contact| ServerName::try_from(contact.host().to_owned()).ok())
            .collect(),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &credentials.certificate {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { chain, key }) => {
            let chain = certificates(chain, "client certificate")?;
            let key = PrivateKeyDer::from_pem_slice(key.expose())
                .map_err(|source| TlsError::NotPem { what: "private key", source })?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    Ok(Arc::new(config))
}

fn authorities(bundle: Option<&Sensitive>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match bundle {
        Some(bundle) => {
            for certificate in certificates(bundle, "bundle of certificate authorities")? {
                store.add(certificate)?;
            }
        }
        // A system's bundle may hold a few that nobody can read; the others count.
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() { Err(TlsError::NoAuthority) } else { Ok(store) }
}

fn certificates(pem: &Sensitive, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem.expose())
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::NotPem { what, source })
}

/// Accepts a node that is certified for its address, or for one of the contact points.
///
/// The driver knows nodes by their addresses alone, and addresses of pods change: certificates in a cluster name the
/// service that is the contact point. A certificate of another name is refused, whoever signed it.
#[derive(Debug)]
struct NodeVerifier {
    inner: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |name: &ServerName<'_>| {
            self.inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        match verify(server_name) {
            Err(error) if is_of_another_name(&error) => {
                self.names.iter().find_map(|name| verify(name).ok()).ok_or(error)
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn is_of_another_name(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}
