//! The operator and `usp` against an API server alone: what they write, and what they leave alone. Every test has a namespace
//! of its own, and an operator where it needs one, and is itself what makes Jobs succeed and Deployments roll out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's output is how it reports")]

#[path = "../../../crds/tests/resource/broken_in_code.rs"]
mod broken_in_code;
#[path = "../../../crds/tests/resource/cases.rs"]
#[allow(dead_code, reason = "the table is written anew by the tests of the definition alone")]
mod cases;
#[path = "../../../crds/tests/resource/changes.rs"]
mod changes;
#[path = "../../../crds/tests/resource/good_resources.rs"]
#[allow(dead_code, reason = "some are for the tests of the definition alone")]
mod good_resources;

mod a_pipeline_says_that_it_waits;
mod a_pipeline_that_cannot_be_read_stops_no_other;
mod an_api_server_goes_and_comes_back;
mod an_operator_of_some_namespaces;
mod at_rest_nothing_is_written;
mod defaults_are_the_same_everywhere;
mod drift_is_repaired;
mod events_tell_each_step;
mod fields_have_owners;
mod foreign_objects_are_left_alone;
mod home;
mod installed;
mod numbers_are_documented;
mod optional_kinds;
mod other_projects;
mod provisioning_is_asked_for;
mod reconciliation_is_paused;
mod rights_are_the_least;
mod the_installation_without_helm;
mod the_rules_of_the_definition;
mod usp_as_a_plugin_of_kubectl;
mod usp_changes_a_pipeline;
mod usp_checks_a_cluster;
mod usp_commands_in_the_documentation;
mod usp_plans_as_kubectl_applies;
mod usp_shows_how_a_pipeline_stands;
mod what_is_missing_is_named;
mod workers_are_closed_off;
mod workers_end_before_others_begin;
