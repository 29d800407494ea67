//! The operator and `usp` against an API server without nodes: what they write, and what they must not write.
//!
//! Each test has its own namespace and, if it needs one, its own operator. No controller runs: the tests write the statuses
//! of Jobs and Deployments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests report by panicking")]

#[path = "../../../crds/tests/resource/broken_in_code.rs"]
mod broken_in_code;
#[path = "../../../crds/tests/resource/cases.rs"]
#[allow(dead_code, reason = "only the tests of the CRD regenerate the table")]
mod cases;
#[path = "../../../crds/tests/resource/changes.rs"]
mod changes;
#[path = "../../../crds/tests/resource/good_resources.rs"]
#[allow(dead_code, reason = "some are for the tests of the CRD alone")]
mod good_resources;

mod api_server_restarts;
mod claims_are_released_with_the_last_pod;
mod converged_pipelines_are_not_written;
mod defaults_match_local_mode;
mod documented_usp_commands_run;
mod drift_is_corrected;
mod events_report_each_step;
mod field_ownership;
mod foreign_objects_are_not_adopted;
mod install_yaml_suffices;
mod installation;
mod network_policies_isolate_workers;
mod new_pipelines_are_pending;
mod operator_metrics_are_documented;
mod optional_kinds_are_used_once_installed;
mod rbac_is_least_privilege;
mod readiness_names_missing_rights;
mod reconciliation_is_paused;
mod requested_provisioning;
mod selected_namespaces_are_watched;
mod test_namespace;
mod third_party_kinds;
mod undecodable_pipelines_block_no_other;
mod usp_check_reports_a_cluster;
mod usp_is_a_kubectl_plugin;
mod usp_plan_predicts_kubectl_apply;
mod usp_status_and_get;
mod usp_suspends_and_runs_a_pipeline;
mod validation_rules_of_the_crd;
