//! The operator's HTTP endpoints: `/livez`, `/readyz` and `/metrics`. The path is their only input.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::{Health, Heartbeat, Metrics, http_server};

/// What the endpoints report.
#[derive(Clone, Debug)]
pub struct Served {
    /// What is missing.
    pub health: Arc<Health>,
    /// Whether reconciles make progress.
    pub heartbeat: Arc<Heartbeat>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// Serves until the future is dropped.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(address: SocketAddr, served: Served) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving /livez, /readyz and /metrics");
    http_server::serve(listener, router(served)).await;
    Ok(())
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(served)
}

async fn livez(State(served): State<Served>) -> Response {
    match served.heartbeat.overdue() {
        None => "ok\n".into_response(),
        Some(age) => {
            let why = format!("the event loop has not responded for {} s\n", age.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}

async fn readyz(State(served): State<Served>) -> Response {
    let missing = served.health.report();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n").into_response()
}

async fn metrics(State(served): State<Served>) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match served.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The status and the body of the answer to one request.
    async fn get_path(served: Served, path: &str) -> (u16, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let request = async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let response = client.get(url).send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        tokio::select! {
            answer = request => answer,
            () = http_server::serve(listener, router(served)) => panic!("the server ended"),
        }
    }

    #[tokio::test]
    async fn readiness_reports_what_is_missing() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let served = Served { health: Arc::default(), heartbeat: Arc::default(), metrics: Arc::default() };
        served.health.set_missing("watch of jobs", "forbidden");
        let missing = get_path(served.clone(), "/readyz").await;
        assert_eq!(missing, (503, "watch of jobs: forbidden\n".to_owned()));
        served.health.set_present("watch of jobs");
        assert_eq!(get_path(served.clone(), "/readyz").await.0, 200);
        assert_eq!(get_path(served.clone(), "/livez").await.0, 200);
        let (_, metrics) = get_path(served, "/metrics").await;
        assert!(metrics.contains("controller_runtime_reconcile_time_seconds_count{"), "{metrics}");
    }

    #[tokio::test(start_paused = true)]
    async fn liveness_fails_once_reconciles_make_no_progress() {
        let served = Served { health: Arc::default(), heartbeat: Arc::default(), metrics: Arc::default() };
        assert_eq!(livez(State(served.clone())).await.status(), StatusCode::OK);
        tokio::time::advance(Duration::from_secs(600)).await;
        assert_eq!(livez(State(served)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
