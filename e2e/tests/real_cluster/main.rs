//! Tests on a real Kubernetes with a real Kafka and a real Cassandra: one promise a file, through kubectl alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's output is how it reports")]

mod a_plan_changes_nothing;
mod a_refused_edit_stops_nothing;
mod a_schedule_runs;
mod an_applied_pipeline_becomes_ready;
mod an_edit_does_what_it_says;
mod deleting_deletes_what_it_says;
mod drift_is_repaired;
mod freshness_is_told;
mod home;
mod nothing_is_lost;
mod passwords_change;
mod processors_follow_the_lag;
mod servers_go_and_come_back;
mod the_installation_changes;
mod the_restricted_profile_is_enough;
mod two_claim_the_same;
