//! The pure core against a small model of a cluster: what is rendered, in which order, and what the status says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cluster;
mod conditions;
mod conflicts;
mod deletion;
mod golden;
mod interleavings;
mod kafka_topics;
mod rollout;
mod worker_reports;
