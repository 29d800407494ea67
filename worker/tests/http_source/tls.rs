//! Whom the source trusts.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use userstream_crds::model::HttpSource;

use crate::server::{Server, Step, json, response};
use crate::{Secrets, describe, fails, open, records, run};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server's side of TLS with a certificate for these hosts.
fn acceptor(authority: &Authority, hosts: &[&str], valid: bool) -> TlsAcceptor {
    userstream_worker::security::tls::install_crypto_provider();
    let key = KeyPair::generate().unwrap();
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    if !valid {
        params.not_after = date_time_ymd(2020, 1, 1);
    }
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
}

async fn serve(acceptor: TlsAcceptor) -> Server {
    Server::start_on("127.0.0.1", Some(acceptor), |_, _| json("[1]")).await
}

fn trusting(server: &Server) -> HttpSource {
    let url = format!("https://127.0.0.1:{}/", server.address.port());
    HttpSource { ca: Some("authority".parse().unwrap()), ..describe(&url) }
}

#[tokio::test]
async fn a_server_is_trusted_by_the_mounted_authority_alone() {
    let secrets = Secrets::new();
    let (own, other) = (authority(), authority());
    secrets.write("authority", "ca.crt", &own.pem());
    for (acceptor, trusted) in [
        (acceptor(&own, &["127.0.0.1"], true), true),
        (acceptor(&other, &["127.0.0.1"], true), false),
        (acceptor(&own, &["users.example"], true), false),
        (acceptor(&own, &["127.0.0.1"], false), false),
    ] {
        let server = serve(acceptor).await;
        let mut source = open(&trusting(&server), secrets.path(), &["127.0.0.1/32"]);
        if trusted {
            assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"]);
        } else {
            assert_eq!(fails(&mut source).await, ("certificate", false));
            assert!(server.received().is_empty(), "nothing was sent");
        }
    }
}

#[tokio::test]
async fn without_a_mounted_authority_only_public_ones_are_trusted() {
    let server = serve(acceptor(&authority(), &["127.0.0.1"], true)).await;
    let model = HttpSource { ca: None, ..trusting(&server) };
    let mut source = open(&model, std::path::Path::new("/"), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("certificate", false));
    assert!(server.received().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_rotated_authority_is_trusted_without_a_restart() {
    let secrets = Secrets::new();
    let (old, new) = (authority(), authority());
    secrets.write("authority", "ca.crt", &old.pem());
    let server = serve(acceptor(&new, &["127.0.0.1"], true)).await;
    let mut source = open(&trusting(&server), secrets.path(), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("certificate", false));
    secrets.write("authority", "ca.crt", &(old.pem() + &new.pem()));
    assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn an_authority_that_is_missing_or_none_is_not_replaced_by_the_public_ones() {
    let secrets = Secrets::new();
    let server = serve(acceptor(&authority(), &["127.0.0.1"], true)).await;
    let mut source = open(&trusting(&server), secrets.path(), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("credentials", true), "it may be mounted in a moment");
    secrets.write("authority", "ca.crt", "no certificate");
    assert_eq!(fails(&mut source).await, ("credentials", false));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn https_does_not_become_http_on_the_way() {
    let secrets = Secrets::new();
    let own = authority();
    secrets.write("authority", "ca.crt", &own.pem());
    let plain = Server::start(|_, _| json("[\"reached\"]")).await;
    let target = plain.url("/");
    let script = move |_, _: &_| response(302, &[("location", &target)], b"");
    let server = Server::start_on("127.0.0.1", Some(acceptor(&own, &["127.0.0.1"], true)), script).await;
    let mut source = open(&trusting(&server), secrets.path(), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("redirect", false));
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_fault_that_may_pass() {
    let server = Server::start(|_, _| vec![Step::Close]).await;
    let url = server.url("/").replace("http:", "https:");
    // The server waits for the end of a request that never comes in clear.
    let model = HttpSource { timeout: std::time::Duration::from_millis(400), ..describe(&url) };
    let mut source = open(&model, std::path::Path::new("/"), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("timeout", true));
}
