//! The exchange over the network: reqwest over rustls, with a total timeout and with checked addresses.

pub(crate) mod address;
pub(crate) mod exchange;
pub(crate) mod redirect;
pub(crate) mod resolver;
pub(crate) mod url_guard;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::{Certificate, Client, retry};
use rustls::CertificateError;
use tokio::time::timeout;
use tracing::warn;

use self::address::AddressPolicy;
use self::exchange::{Exchange, Request, Response};
use self::resolver::{FilteringResolver, ResolveError};
use super::auth::credential::{SecretFile, SecretFileProblem};
use super::error::{CertificateProblem, ExchangeError};
use super::response::body::BodyReader;
use super::retry::{StatusClass, classify_status};

/// Sends requests over the network.
pub(crate) struct Transport {
    policy: Arc<AddressPolicy>,
    resolver: Arc<dyn Resolve>,
    timeout: Duration,
    trust: Option<SecretFile>,
    client: Option<CachedClient>,
}

/// A client, and the certificate authorities it was built with.
struct CachedClient {
    authorities: Option<Vec<u8>>,
    client: Client,
}

impl Transport {
    /// A transport that dials the addresses the policy allows and bounds each exchange by `timeout`.
    ///
    /// `trust` is the bundle of trusted certificate authorities. `None`: the system's.
    pub(crate) fn new(
        policy: AddressPolicy,
        resolver: Arc<dyn Resolve>,
        trust: Option<SecretFile>,
        timeout: Duration,
    ) -> Self {
        let policy = Arc::new(policy);
        let resolver = Arc::new(FilteringResolver::new(resolver, Arc::clone(&policy)));
        Self { policy, resolver, timeout, trust, client: None }
    }

    /// The client for the certificate authorities that are mounted now. Its connections are reused until those change.
    fn client(&mut self) -> Result<Client, ExchangeError> {
        let authorities = self.trust.as_ref().map(SecretFile::read_bytes).transpose()?;
        if let Some(current) = self.client.as_ref().filter(|current| current.authorities == authorities) {
            return Ok(current.client.clone());
        }
        let client = self.build(authorities.as_deref())?;
        self.client = Some(CachedClient { authorities, client: client.clone() });
        Ok(client)
    }

    fn build(&self, authorities: Option<&[u8]>) -> Result<Client, ExchangeError> {
        crate::security::tls::install_crypto_provider();
        let builder = || {
            Client::builder()
                .dns_resolver(Arc::clone(&self.resolver))
                // A proxy would resolve and dial itself, without the checks.
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .pool_max_idle_per_host(1)
        };
        if let (Some(pem), Some(trust)) = (authorities, &self.trust) {
            let invalid = || trust.error(SecretFileProblem::NotCertificates);
            let certificates = certificates(pem).ok_or_else(invalid)?;
            return builder().tls_certs_only(certificates).build().map_err(|_| invalid().into());
        }
        builder().build().or_else(|_| {
            // Sources over http work without certificate authorities.
            warn!("no certificate authorities are installed on this machine; https sources will be refused");
            builder().tls_certs_only([]).build().map_err(|_| ExchangeError::Client)
        })
    }

    async fn send(&mut self, request: &Request) -> Result<Response, ExchangeError> {
        let client = self.client()?;
        let mut builder =
            client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let mut response = builder.send().await.map_err(|error| classify(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        if classify_status(status) == StatusClass::Success {
            let mut reader = BodyReader::new(&headers, request.max_response_bytes)?;
            while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
                reader.push(&chunk)?;
            }
            body = reader.finish()?;
        }
        Ok(Response { status, headers, body })
    }
}

impl Exchange for Transport {
    async fn exchange(&mut self, request: &Request) -> Result<Response, ExchangeError> {
        // The client does not resolve literal addresses, so the resolver cannot check them.
        url_guard::check(&request.url, &self.policy)?;
        let limit = self.timeout;
        timeout(limit, self.send(request)).await.unwrap_or(Err(ExchangeError::Timeout(limit)))
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem).ok().filter(|certificates| !certificates.is_empty())
}

/// Classifies a client's error and discards its text, which may quote the URL or the response.
fn classify(error: &reqwest::Error) -> ExchangeError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<ResolveError>() {
            return ExchangeError::Resolve(*error);
        }
        if let Some(error) = current.downcast_ref::<rustls::Error>() {
            return tls_error(error);
        }
        if current.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return ExchangeError::NotHttp;
        }
        cause = match current.downcast_ref::<io::Error>() {
            Some(error) => {
                kind = Some(error.kind());
                // An I/O error that wraps another error does not return it from `source()`.
                error.get_ref().map(|inner| inner as &(dyn Error + 'static)).or_else(|| current.source())
            }
            None => current.source(),
        };
    }
    if error.is_connect() {
        return ExchangeError::Connect(kind.unwrap_or(io::ErrorKind::Other));
    }
    ExchangeError::ConnectionLost
}

fn tls_error(error: &rustls::Error) -> ExchangeError {
    let rustls::Error::InvalidCertificate(error) = error else {
        return ExchangeError::TlsHandshake;
    };
    ExchangeError::Certificate(match error {
        CertificateError::UnknownIssuer => CertificateProblem::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateProblem::WrongHost
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CertificateProblem::Expired,
        CertificateError::Revoked => CertificateProblem::Revoked,
        _ => CertificateProblem::Invalid,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use reqwest::Method;
    use reqwest::dns::{Addrs, Name, Resolving};
    use reqwest::header::HeaderMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn file_without_certificates_is_not_a_trust_bundle() {
        for pem in [&b""[..], b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            assert!(certificates(pem).is_none());
        }
    }

    /// A resolver that returns other addresses for each lookup.
    struct Rebinding(Mutex<VecDeque<Vec<&'static str>>>);

    impl Resolve for Rebinding {
        fn resolve(&self, _: Name) -> Resolving {
            let answer = self.0.lock().unwrap().pop_front();
            Box::pin(async move {
                let addresses = answer.ok_or("NXDOMAIN")?.into_iter();
                Ok(Box::new(addresses.map(|address| SocketAddr::new(address.parse().unwrap(), 0))) as Addrs)
            })
        }
    }

    #[tokio::test]
    async fn dns_rebinding_reaches_no_forbidden_address() {
        let server = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let canary = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            }
        });
        let answers = [vec!["127.0.0.2"], vec!["127.0.0.1"], vec!["127.0.0.1", "127.0.0.2", "::1"], vec![]];
        let resolver = Arc::new(Rebinding(Mutex::new(answers.into())));
        let policy = AddressPolicy::new(["127.0.0.2/32".parse().unwrap()]);
        let mut transport = Transport::new(policy, resolver, None, Duration::from_secs(20));
        let request = Request {
            method: Method::GET,
            url: format!("http://rebinding.example:{port}/").parse().unwrap(),
            headers: HeaderMap::new(),
            body: None,
            max_response_bytes: 100,
        };
        assert_eq!(transport.exchange(&request).await.ok().unwrap().status, 204);
        let forbidden = transport.exchange(&request).await.err().unwrap();
        assert!(matches!(forbidden, ExchangeError::Resolve(ResolveError::Forbidden(_))), "{forbidden:?}");
        assert_eq!(
            transport.exchange(&request).await.ok().unwrap().status,
            204,
            "the allowed address of several"
        );
        for _ in 0..2 {
            let gone = transport.exchange(&request).await.err().unwrap();
            assert!(matches!(gone, ExchangeError::Resolve(ResolveError::NotFound)), "{gone:?}");
        }
        let untouched =
            std::future::poll_fn(|context| std::task::Poll::Ready(canary.poll_accept(context).is_pending()));
        assert!(untouched.await, "the transport connected to the canary");
    }
}
