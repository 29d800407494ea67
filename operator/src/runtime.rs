//! The imperative shell: everything that reads from the API server or from workers, and everything that writes. Imports
//! every pure layer.
//!
//! Bottom-up: [`health`](Health), [`metrics`](Metrics), [`lease`]; then `watch` (informers and their stores), `queue`,
//! `apply`, `events` and `scrape`; above them `reconcile`, which carries out the phases, and `controller`, which runs
//! all of it.

mod apply;
mod backoff;
mod context;
mod controller;
pub mod discovery;
mod events;
#[cfg(test)]
pub(crate) mod fake_api_server;
mod health;
mod heartbeat;
mod http_server;
pub mod lease;
mod metrics;
mod queue;
mod reconcile;
mod reconcile_state;
mod reservations;
mod runner;
mod scrape;
pub mod serve;
mod sync;
pub mod watch;

pub use controller::{Controller, worker_client};
pub use health::Health;
pub(crate) use health::explained;
pub use heartbeat::Heartbeat;
pub use metrics::Metrics;
