//! The pure layers against a model of a cluster: manifests, the order of rollouts, conditions.
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
