//! TLS to the Cassandra nodes: rustls with ring.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use userstream_crds::model::Cassandra;

use crate::security::credentials::{ClientCertificate, Credentials, Sensitive};

/// Why TLS cannot be configured with the mounted files. Never contains their contents.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM.
    #[error("the {what} mounted for Cassandra is not PEM: {source}")]
    NotPem {
        /// The expected contents.
        what: &'static str,
        /// The error of the parser.
        source: pem::Error,
    },
    /// The bundle of certificate authorities is empty.
    #[error("no certificate authority is trusted for Cassandra")]
    NoAuthority,
    /// An authority, or the client's certificate and key, cannot be used.
    #[error("the certificates mounted for Cassandra cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The verifier refuses the authorities.
    #[error("the certificate authorities mounted for Cassandra cannot be used: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// The TLS configuration of connections to the nodes of a cluster.
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
        // A system's bundle may contain certificates that rustls cannot parse; the others are used.
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

/// Accepts a certificate for the node's address or for the name of a contact point, and refuses all others.
///
/// The driver identifies nodes by address, and addresses of pods change, so certificates in Kubernetes name the service
/// that is the contact point.
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
            Err(error) if is_name_mismatch(&error) => {
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

fn is_name_mismatch(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}
