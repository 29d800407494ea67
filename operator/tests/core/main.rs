//! The pure core against a small model of a cluster: what is rendered, in which order, and what the status says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cluster;
mod conflicts;
mod deletion;
mod golden;
mod kafka_topics;
mod order;
mod schedules;
mod statuses;
mod worker_reports;
