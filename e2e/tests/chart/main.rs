//! The chart as Helm renders it, without a cluster.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests report by panicking")]

mod alerts;
mod helm;
mod metrics;
mod rights;
mod security;
mod values;
