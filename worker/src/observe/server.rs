//! The HTTP endpoints of the worker: `/livez`, `/readyz`, `/metrics` and `/status`.
//!
//! They take no input but the path, and the operator chooses their address.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use crate::observe::health::Health;
use crate::observe::stats::Stats;
use crate::observe::{http_server, metrics, status};

/// The state that the endpoints serve.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The statistics of the loops.
    pub stats: Arc<Stats>,
    /// The readiness of the components.
    pub health: Arc<Health>,
}

/// Serves until the future is dropped.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(address: SocketAddr, observed: Observed) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving /livez, /readyz, /metrics and /status");
    http_server::serve(listener, router(observed)).await;
    Ok(())
}

fn router(observed: Observed) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_page))
        .route("/status", get(status_page))
        .with_state(observed)
}

async fn readyz(State(observed): State<Observed>) -> Response {
    let unready = observed.health.unready();
    if unready.is_empty() {
        return "ok\n".into_response();
    }
    let lines: String =
        unready.iter().map(|(component, reason)| format!("{}: {reason}\n", component.name())).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

async fn metrics_page(State(observed): State<Observed>) -> Response {
    match metrics::encode(&observed.stats, observed.health.is_ready()) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn status_page(State(observed): State<Observed>) -> Response {
    Json(status::of(&observed.stats, &observed.health)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Progress;
    use crate::observe::health::Component;
    use std::time::Duration;

    /// Serves on a free port of the loopback and requests one path.
    async fn get(observed: Observed, path: &str) -> (u16, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let serving = http_server::serve(listener, router(observed));
        let request = async {
            crate::security::tls::install_crypto_provider();
            let response = reqwest::get(&url).await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        tokio::select! { response = request => response, () = serving => panic!("the server ended") }
    }

    fn observed() -> Observed {
        Observed { stats: Arc::default(), health: Arc::default() }
    }

    #[tokio::test]
    async fn readiness_names_the_unready_components() {
        let observed = observed();
        assert_eq!(get(observed.clone(), "/readyz").await, (200, "ok\n".to_owned()));
        observed.health.set_unready(Component::Table, "no replica answers");
        assert_eq!(get(observed.clone(), "/readyz").await, (503, "table: no replica answers\n".to_owned()));
        assert_eq!(get(observed.clone(), "/livez").await.0, 200);
        observed.health.set_ready(Component::Table);
        assert_eq!(get(observed, "/readyz").await.0, 200);
    }

    #[tokio::test]
    async fn lag_is_reported_only_while_it_is_known() {
        let observed = observed();
        let (_, metrics) = get(observed.clone(), "/metrics").await;
        assert!(!metrics.contains("userstream_consumer_lag_records{"), "{metrics}");
        let (_, status) = get(observed.clone(), "/status").await;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["processor"]["lag"], serde_json::Value::Null);

        let progress = Progress { partition: 2, position: 41, committed: Some(40), high_watermark: Some(42) };
        observed.stats.table.set_progress(Some(vec![progress]));
        observed.stats.table.freshness.record(Duration::from_millis(250));
        let (_, metrics) = get(observed.clone(), "/metrics").await;
        assert!(metrics.contains("userstream_consumer_lag_records{partition=\"2\"} 2"), "{metrics}");
        assert!(metrics.contains("userstream_freshness_seconds_count 1"), "{metrics}");
        let (_, status) = get(observed, "/status").await;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["processor"]["lag"], 2);
        assert_eq!(
            status["processor"]["partitions"][0],
            serde_json::json!({"partition": 2, "position": 41, "committed": 40, "highWatermark": 42, "lag": 2})
        );
    }
}
