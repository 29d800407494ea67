//! The pure layers against a model of a cluster: manifests, rollouts, conditions; and the order of all layers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cluster;
mod conditions;
mod configurations;
mod conflicts;
mod deletion;
mod dry_run;
mod golden;
mod interleavings;
mod kafka_topics;
mod layers;
mod manual_runs;
mod pipeline_samples;
mod producer_kinds;
mod rollout;
mod worker_reports;
mod workloads;
