//! Fake API servers for unit tests.

pub(crate) mod cluster;

use axum::Router;
use kube::Client;

/// A client of a server with these routes, which runs as long as the test's runtime.
pub(crate) async fn client_of(router: Router) -> Client {
    // Fails only when another test has installed a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap()
}
