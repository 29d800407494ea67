//! What a running worker reports: counters, health, status and metrics, and its logs.

pub mod health;
pub mod histogram;
#[cfg(feature = "server")]
mod http_server;
#[cfg(feature = "server")]
pub mod logging;
#[cfg(feature = "server")]
mod metrics;
#[cfg(feature = "server")]
pub mod server;
pub mod sliding_histogram;
pub mod stats;
pub mod status;
