//! One-shot work as Jobs of the worker's image.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use userstream_crds::names::Component;

use super::metadata;
use super::pod::{Role, template};
use crate::lifecycle::rollout::ValidInput;
use crate::model::configuration::Configuration;

/// Provisioning is tried for as long as the spec asks for it: a broker that comes back, a Secret that somebody creates and
/// a topic that somebody makes room for all end well without anybody's help. The pauses grow to five minutes.
const UNTIL_IT_SUCCEEDS: i32 = i32::MAX;
/// A run that somebody asked for now is of no use in an hour.
const RUN_ATTEMPTS: i32 = 3;
/// Deleting a pipeline waits for this Job, so it does not try for ever.
const CLEANUP_ATTEMPTS: i32 = 10;

const PROVISION: Role = Role {
    component: Component::Provision,
    arguments: &["provision"],
    uses_source: false,
    uses_table: true,
    stays: false,
};
const PLAN: Role = Role { component: Component::Plan, arguments: &["provision", "--plan"], ..PROVISION };
const CLEANUP: Role = Role { component: Component::Cleanup, arguments: &["cleanup"], ..PROVISION };
/// A run of the producer that ends by itself.
pub(super) const RUN: Role = Role {
    component: Component::Run,
    arguments: &["produce", "--once"],
    uses_source: true,
    uses_table: false,
    stays: false,
};

pub(super) fn provision(situation: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(situation, name, configuration, PROVISION, UNTIL_IT_SUCCEEDS)
}

pub(super) fn plan(situation: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(situation, name, configuration, PLAN, UNTIL_IT_SUCCEEDS)
}

pub(super) fn run(situation: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(situation, name, configuration, RUN, RUN_ATTEMPTS)
}

pub(crate) fn cleanup(situation: &ValidInput<'_>, name: &str, configuration: &Configuration) -> Job {
    job(situation, name, configuration, CLEANUP, CLEANUP_ATTEMPTS)
}

fn job(
    situation: &ValidInput<'_>,
    name: &str,
    configuration: &Configuration,
    role: Role,
    attempts: i32,
) -> Job {
    Job {
        metadata: metadata(situation, role.component, name.to_owned()),
        spec: Some(JobSpec {
            backoff_limit: Some(attempts),
            template: restarting(template(situation, configuration, role)),
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

/// The container is restarted in its pod, so that a Job has one pod, and that one the report of the last attempt.
pub(super) fn restarting(mut template: PodTemplateSpec) -> PodTemplateSpec {
    if let Some(spec) = template.spec.as_mut() {
        spec.restart_policy = Some("OnFailure".to_owned());
    }
    template
}
