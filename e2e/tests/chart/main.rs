//! The chart as Helm renders it. No cluster is needed for this.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's output is how it reports"
)]

mod helm;
mod metrics;
mod rights;
mod security;
mod values;
