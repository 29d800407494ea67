//! The imperative shell: everything that reads from the API server or from workers, and everything that writes.

mod apply;
mod controller;
pub mod discovery;
mod events;
#[cfg(test)]
mod fake_api_server;
mod health;
pub mod lease;
mod metrics;
mod queue;
mod reconcile;
mod reconcile_state;
mod reservations;
mod scrape;
pub mod serve;
pub mod watch;

pub use controller::{Controller, worker_client};
pub use health::Health;
pub(crate) use health::explained;
pub use metrics::Metrics;
