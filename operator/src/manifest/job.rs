//! One-shot work: Jobs of the worker's image.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use userstream_crds::names::Component;

use super::metadata;
use super::pod::{Role, template};
use crate::model::configuration::Configuration;
use crate::model::input::ValidInput;

/// Provisioning is retried until it succeeds, so that it recovers without help from a broker that was down or a Secret
/// that was missing. Kubernetes' backoff grows to five minutes.
const UNLIMITED_RETRIES: i32 = i32::MAX;
/// A manual run is wanted now, not an hour later.
const RUN_RETRIES: i32 = 3;
/// The deletion of the pipeline waits for this Job.
const CLEANUP_RETRIES: i32 = 10;

const PROVISION: Role = Role {
    component: Component::Provision,
    arguments: &["provision"],
    uses_source: false,
    uses_table: true,
    is_long_running: false,
};
const PLAN: Role = Role { component: Component::Plan, arguments: &["provision", "--plan"], ..PROVISION };
const CLEANUP: Role = Role { component: Component::Cleanup, arguments: &["cleanup"], ..PROVISION };
/// A single run of the producer.
pub(super) const RUN: Role = Role {
    component: Component::Run,
    arguments: &["produce", "--once"],
    uses_source: true,
    uses_table: false,
    is_long_running: false,
};

pub(super) fn provision(input: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(input, name, configuration, PROVISION, UNLIMITED_RETRIES)
}

pub(super) fn plan(input: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(input, name, configuration, PLAN, UNLIMITED_RETRIES)
}

pub(super) fn run(input: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(input, name, configuration, RUN, RUN_RETRIES)
}

pub(super) fn cleanup(input: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(input, name, configuration, CLEANUP, CLEANUP_RETRIES)
}

fn job(input: &ValidInput<'_>, name: &str, configuration: &Configuration, role: Role, retries: i32) -> Job {
    Job {
        metadata: metadata(input, role.component, name.to_owned()),
        spec: Some(JobSpec {
            backoff_limit: Some(retries),
            template: restarting(template(input, configuration, role)),
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

/// Restarts a failed container in its pod, so that a Job has one pod, which holds the report of the last attempt.
pub(super) fn restarting(mut template: PodTemplateSpec) -> PodTemplateSpec {
    if let Some(spec) = template.spec.as_mut() {
        spec.restart_policy = Some("OnFailure".to_owned());
    }
    template
}
