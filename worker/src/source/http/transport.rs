//! The real exchange: reqwest over rustls, with a deadline over all of it and addresses that were checked.

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
use self::resolver::{GuardedResolver, ResolveError};
use super::auth::credential::{CredentialFault, SecretFile};
use super::error::{CertificateFault, ExchangeError};
use super::response::body::BodyReader;
use super::retry::{Verdict, verdict};

/// Sends requests over the network.
pub(crate) struct Transport {
    policy: Arc<AddressPolicy>,
    resolver: Arc<dyn Resolve>,
    deadline: Duration,
    trust: Option<SecretFile>,
    client: Option<TrustingClient>,
}

/// A client, and the certificate authorities it was set up with.
struct TrustingClient {
    authorities: Option<Vec<u8>>,
    client: Client,
}

impl Transport {
    /// Dials what the policy allows, trusts the certificate authorities in a file (none: the public ones), and gives
    /// each exchange so much time.
    pub(crate) fn new(
        policy: AddressPolicy,
        resolver: Arc<dyn Resolve>,
        trust: Option<SecretFile>,
        deadline: Duration,
    ) -> Self {
        let policy = Arc::new(policy);
        let resolver = Arc::new(GuardedResolver::new(resolver, Arc::clone(&policy)));
        Self { policy, resolver, deadline, trust, client: None }
    }

    /// The client for the certificate authorities that are mounted now. Connections are kept while those stay the same.
    fn client(&mut self) -> Result<Client, ExchangeError> {
        let authorities = self.trust.as_ref().map(SecretFile::read_bytes).transpose()?;
        if let Some(current) = self.client.as_ref().filter(|current| current.authorities == authorities) {
            return Ok(current.client.clone());
        }
        let client = self.build(authorities.as_deref())?;
        self.client = Some(TrustingClient { authorities, client: client.clone() });
        Ok(client)
    }

    fn build(&self, authorities: Option<&[u8]>) -> Result<Client, ExchangeError> {
        crate::security::tls::install_crypto_provider();
        let builder = || {
            Client::builder()
                .dns_resolver(Arc::clone(&self.resolver))
                // A proxy would resolve and dial in our place, where nothing is checked.
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .pool_max_idle_per_host(1)
        };
        if let (Some(pem), Some(trust)) = (authorities, &self.trust) {
            let invalid = || trust.error(CredentialFault::NotCertificates);
            let certificates = certificates(pem).ok_or_else(invalid)?;
            return builder().tls_certs_only(certificates).build().map_err(|_| invalid().into());
        }
        builder().build().or_else(|_| {
            // A machine without certificate authorities can still fetch over http.
            warn!(
                "no certificate authorities are installed on this machine: https sources will not be trusted"
            );
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
        if verdict(status) == Verdict::Success {
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
        // The client resolves no literal addresses, so they never pass the resolver's check.
        url_guard::check(&request.url, &self.policy)?;
        let deadline = self.deadline;
        timeout(deadline, self.send(request)).await.unwrap_or(Err(ExchangeError::Timeout(deadline)))
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem).ok().filter(|certificates| !certificates.is_empty())
}

/// What a client's error means. Its text is not kept: it may quote the URL or what the server sent.
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
                // An I/O error that only carries another error does not name that as its source.
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
    let rustls::Error::InvalidCertificate(fault) = error else {
        return ExchangeError::TlsHandshake;
    };
    ExchangeError::Certificate(match fault {
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongHost
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => CertificateFault::Expired,
        CertificateError::Revoked => CertificateFault::Revoked,
        _ => CertificateFault::Invalid,
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
    fn a_file_without_certificates_trusts_nobody() {
        for pem in [&b""[..], b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            assert!(certificates(pem).is_none());
        }
    }

    /// A resolver whose answer changes from one question to the next.
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
    async fn a_name_that_changes_its_address_gains_nothing() {
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
            "the allowed one of several"
        );
        for _ in 0..2 {
            let gone = transport.exchange(&request).await.err().unwrap();
            assert!(matches!(gone, ExchangeError::Resolve(ResolveError::NotFound)), "{gone:?}");
        }
        let nobody =
            std::future::poll_fn(|context| std::task::Poll::Ready(canary.poll_accept(context).is_pending()));
        assert!(nobody.await, "the canary was connected to");
    }
}
