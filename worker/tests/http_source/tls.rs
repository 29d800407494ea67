//! Which certificates the source trusts.

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

/// The server side of TLS, with a certificate for these hosts.
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
async fn only_the_mounted_authority_is_trusted() {
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
async fn only_public_authorities_are_trusted_by_default() {
    let server = serve(acceptor(&authority(), &["127.0.0.1"], true)).await;
    let model = HttpSource { ca: None, ..trusting(&server) };
    let mut source = open(&model, std::path::Path::new("/"), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("certificate", false));
    assert!(server.received().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn rotated_authority_is_trusted_without_a_restart() {
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
async fn public_authorities_never_replace_an_unusable_bundle() {
    let secrets = Secrets::new();
    let server = serve(acceptor(&authority(), &["127.0.0.1"], true)).await;
    let mut source = open(&trusting(&server), secrets.path(), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("credentials", true), "a missing file may be mounted soon");
    secrets.write("authority", "ca.crt", "no certificate");
    assert_eq!(fails(&mut source).await, ("credentials", false));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn redirect_from_https_to_http_is_refused() {
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
async fn server_without_tls_is_a_transient_error() {
    let server = Server::start(|_, _| vec![Step::Close]).await;
    let url = server.url("/").replace("http:", "https:");
    // The server waits for the end of a plaintext request, which never arrives.
    let model = HttpSource { timeout: std::time::Duration::from_millis(400), ..describe(&url) };
    let mut source = open(&model, std::path::Path::new("/"), &["127.0.0.1/32"]);
    assert_eq!(fails(&mut source).await, ("timeout", true));
}
