//! Fake workers: one server answers `GET /status` at the addresses of all pods.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The status port of workers.
const PORT: u16 = 8080;
/// The range for benchmarks of RFC 2544. The operator scrapes no loopback address.
const RANGE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// The address of the pod with this number.
pub(super) fn address(number: u32) -> Ipv4Addr {
    // After the address of the machine.
    Ipv4Addr::from_bits(RANGE.to_bits() + 256 + number % 100_000)
}

pub(super) struct Workers {
    listener: TcpListener,
    requests: RequestCount,
}

/// The number of requests so far, shared with the server.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestCount(Arc<AtomicU64>);

impl RequestCount {
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Workers {
    /// Binds the port of all workers on all addresses.
    pub(super) async fn listen() -> Self {
        if let Err(error) = TcpListener::bind((address(0), 0)).await {
            panic!(
                "{RANGE}/15 is not on this machine: {error}; run `make bench-operator`, which adds it in a network namespace"
            );
        }
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await.expect("the port is free");
        Self { listener, requests: RequestCount::default() }
    }

    pub(super) fn requests(&self) -> RequestCount {
        self.requests.clone()
    }

    /// Serves until the future is dropped.
    pub(super) async fn serve(self) -> std::io::Result<()> {
        axum::serve(
            self.listener,
            axum::Router::new().route("/status", get(status)).with_state(self.requests),
        )
        .await
    }
}

/// The status of a worker that is both producer and processor and has no lag.
async fn status(State(RequestCount(requests)): State<RequestCount>) -> Json<Value> {
    requests.fetch_add(1, Ordering::Relaxed);
    let now = Timestamp::now().as_millisecond();
    let partition =
        |number: i32| json!({"partition": number, "committed": 1000, "highWatermark": 1000, "lag": 0});
    Json(json!({
        "ready": true,
        "missing": [],
        "producer": {
            "pages": 20, "read": 1000, "appended": 1000, "deadLettered": 0, "skipped": 0, "runs": 20, "failedRuns": 0,
            "lastSuccessTime": now,
        },
        "processor": {
            "partitions": (0..3).map(partition).collect::<Vec<_>>(), "lag": 0, "read": 1000, "filtered": 0, "written": 1000,
            "retries": 0, "deadLettered": 0, "skipped": 0, "deadLetterDepth": 0, "lastRowTime": now,
            "freshness": {"p50Seconds": 0.05, "p99Seconds": 0.2},
            "writeLatency": {"p50Seconds": 0.002, "p99Seconds": 0.01},
        },
        "errors": [],
    }))
}
