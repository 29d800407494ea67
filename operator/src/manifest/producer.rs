//! The producer: a Deployment for a continuous source, a CronJob for a scheduled one.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::ResourceExt;
use userstream_crds::model::{Cadence, ConcurrencyPolicy, Schedule};
use userstream_crds::names::Component;
use userstream_crds::worker_pod::has_ended;

use super::job::{RUN, restarting};
use super::pod::{Role, selector, template};
use super::{Desired, configuration, metadata};
use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::model::configuration::Configuration;
use crate::model::input::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::Observed;

const PRODUCER: Role = Role {
    component: Component::Producer,
    arguments: &["produce"],
    uses_source: true,
    uses_table: false,
    is_long_running: true,
};
const SCHEDULED: Role = Role { component: Component::Producer, ..RUN };
/// How often a failed run of the schedule is retried before the next run is due.
const RUN_RETRIES: i32 = 2;

pub(super) fn build(
    desired: &mut Desired,
    owner: &OwnerReference,
    input: &ValidInput<'_>,
    rollout: &RolloutPlan,
) {
    let name = Names(&input.pipeline.name).of(Component::Producer);
    let cadence = input.pipeline.source.as_ref().map(|source| &source.cadence);
    match configuration(&rollout.producer, &rollout.desired) {
        // A producer of the other kind, or one that has lost its source, is not kept and so deleted.
        Some(configuration) if rollout.producer == Revision::Desired => match cadence {
            Some(cadence) if other_kind_runs(input.observed, &name, cadence) => {}
            Some(Cadence::Continuous { .. }) => {
                desired.apply(Kind::Deployment, owner, deployment(input, configuration));
            }
            Some(Cadence::Scheduled(schedule)) => {
                desired.apply(Kind::CronJob, owner, cron_job(input, configuration, schedule));
            }
            None => {}
        },
        // The last good configuration, with the schedule of the current spec if the kind is the same.
        Some(configuration) => match cadence {
            Some(Cadence::Scheduled(schedule)) if input.observed.cron_job(&name).is_some() => {
                desired.apply(Kind::CronJob, owner, cron_job(input, configuration, schedule));
            }
            Some(Cadence::Continuous { .. }) if input.observed.deployment(&name).is_some() => {
                desired.apply(Kind::Deployment, owner, deployment(input, configuration));
            }
            _ => keep(desired, input, &name),
        },
        None if rollout.producer == Revision::Unknown => keep(desired, input, &name),
        None => {}
    }
}

fn keep(desired: &mut Desired, input: &ValidInput<'_>, name: &str) {
    desired.keep_workload(input, Kind::Deployment, name);
    desired.keep_workload(input, Kind::CronJob, name);
}

/// Whether the producer of the other kind still runs. It is deleted, and the new one waits for its last pod to
/// terminate: two would fetch the same pages from the same position.
fn other_kind_runs(observed: &Observed, name: &str, cadence: &Cadence) -> bool {
    let is_run = |pod: &Pod| pod.owner_references().iter().any(|owner| owner.kind == "Job");
    let mut pods = observed.pods_of(Component::Producer).filter(|pod| !has_ended(pod));
    match cadence {
        Cadence::Continuous { .. } => observed.cron_job(name).is_some() || pods.any(is_run),
        Cadence::Scheduled(_) => observed.deployment(name).is_some() || pods.any(|pod| !is_run(pod)),
    }
}

/// One pod, and never two at once: two would fetch the same pages from the same position.
fn deployment(input: &ValidInput<'_>, configuration: &Configuration) -> Deployment {
    let name = Names(&input.pipeline.name).of(Component::Producer);
    Deployment {
        metadata: metadata(input, Component::Producer, name),
        spec: Some(DeploymentSpec {
            replicas: Some(i32::from(!input.pipeline.suspend)),
            selector: LabelSelector {
                match_labels: Some(selector(input.pipeline, Component::Producer)),
                ..LabelSelector::default()
            },
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            revision_history_limit: Some(1),
            template: template(input, configuration, PRODUCER),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn cron_job(input: &ValidInput<'_>, configuration: &Configuration, schedule: &Schedule) -> CronJob {
    let names = Names(&input.pipeline.name);
    let limit = |count: u32| Some(i32::try_from(count).unwrap_or(i32::MAX));
    CronJob {
        metadata: metadata(input, Component::Producer, names.of(Component::Producer)),
        spec: Some(CronJobSpec {
            schedule: schedule.cron.to_string(),
            time_zone: schedule.time_zone.iana_name().map(str::to_owned),
            concurrency_policy: Some(
                match schedule.concurrency_policy {
                    ConcurrencyPolicy::Forbid => "Forbid",
                    ConcurrencyPolicy::Allow => "Allow",
                    ConcurrencyPolicy::Replace => "Replace",
                }
                .to_owned(),
            ),
            starting_deadline_seconds: Some(
                i64::try_from(schedule.starting_deadline.as_secs()).unwrap_or(i64::MAX),
            ),
            successful_jobs_history_limit: limit(schedule.successful_jobs_history_limit),
            failed_jobs_history_limit: limit(schedule.failed_jobs_history_limit),
            suspend: Some(input.pipeline.suspend),
            job_template: JobTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(names.labels(Component::Producer)),
                    ..ObjectMeta::default()
                }),
                spec: Some(JobSpec {
                    backoff_limit: Some(RUN_RETRIES),
                    template: restarting(template(input, configuration, SCHEDULED)),
                    ..JobSpec::default()
                }),
            },
        }),
        ..CronJob::default()
    }
}
