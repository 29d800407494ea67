//! The operator's own HTTP endpoints: `/livez`, `/readyz` and `/metrics`. Nothing here takes input but the path.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::runtime::{Health, Metrics};

/// What the endpoints tell of.
#[derive(Clone, Debug)]
pub struct Observed {
    /// What is missing.
    pub health: Arc<Health>,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

/// Serves until the future is dropped.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(address: SocketAddr, observed: Observed) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving /livez, /readyz and /metrics");
    axum::serve(listener, router(observed)).await
}

fn router(observed: Observed) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(observed)
}

async fn readyz(State(observed): State<Observed>) -> Response {
    let missing = observed.health.report();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n").into_response()
}

async fn metrics(State(observed): State<Observed>) -> Response {
    let page = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match observed.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, page)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to one request, as a status line and a body.
    async fn ask(observed: Observed, path: &str) -> (u16, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let asking = async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let response = client.get(url).send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        tokio::select! {
            answer = asking => answer,
            ended = async { axum::serve(listener, router(observed)).await } => panic!("{ended:?}"),
        }
    }

    #[tokio::test]
    async fn readiness_names_what_is_missing() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let observed = Observed { health: Arc::default(), metrics: Arc::default() };
        observed.health.missing("watch of jobs", "forbidden");
        let missing = ask(observed.clone(), "/readyz").await;
        assert_eq!(missing, (503, "watch of jobs: forbidden\n".to_owned()));
        observed.health.present("watch of jobs");
        assert_eq!(ask(observed.clone(), "/readyz").await.0, 200);
        assert_eq!(ask(observed.clone(), "/livez").await.0, 200);
        let (_, metrics) = ask(observed, "/metrics").await;
        assert!(metrics.contains("controller_runtime_reconcile_time_seconds_count{"), "{metrics}");
    }
}
