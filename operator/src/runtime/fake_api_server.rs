//! An API server of a test's own making.

use axum::Router;
use kube::Client;

/// A client of what answers like this, for as long as the test's runtime lives.
pub(crate) async fn answering(router: Router) -> Client {
    // Fails only when one was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap()
}
