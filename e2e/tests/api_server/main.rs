//! The operator against an API server alone: what it writes, and what it leaves alone. Every test has a namespace and an
//! operator of its own, and is itself what makes Jobs succeed and Deployments roll out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's output is how it reports")]

mod a_pipeline_that_cannot_be_read_stops_no_other;
mod at_rest_nothing_is_written;
mod drift_is_repaired;
mod foreign_objects_are_left_alone;
mod home;
mod what_is_missing_is_named;
