//! Tests on a real Kubernetes with a real Kafka and a real Cassandra, through kubectl alone; one promise per file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests report by panicking")]

mod applied_pipelines_become_ready;
mod conflicting_claims;
mod deletion_policy_is_honoured;
mod drift_is_corrected;
mod edits_are_rolled_out;
mod freshness_is_reported;
mod invalid_edits_keep_workloads_running;
mod no_record_is_lost;
mod observed_topics_keep_their_partitions;
mod operator_upgrades_and_drains;
mod passwords_rotate;
mod plan_mode_changes_nothing;
mod processors_scale_with_lag;
mod restricted_pod_security_suffices;
mod scheduled_runs;
mod servers_fail_and_recover;
mod test_namespace;
