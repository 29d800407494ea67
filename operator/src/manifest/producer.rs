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
use crate::lifecycle::rollout::{Revision, RolloutPlan, ValidInput};
use crate::model::configuration::Configuration;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::Observed;

const PRODUCER: Role = Role {
    component: Component::Producer,
    arguments: &["produce"],
    uses_source: true,
    uses_table: false,
    stays: true,
};
const SCHEDULED: Role = Role { component: Component::Producer, ..RUN };
/// A run that fails is tried again this often; then the next one is due soon enough.
const RUN_RETRIES: i32 = 2;

pub(super) fn build(
    desired: &mut Desired,
    owner: &OwnerReference,
    situation: &ValidInput<'_>,
    steps: &RolloutPlan,
) {
    let name = Names(&situation.pipeline.name).of(Component::Producer);
    let wants = situation.pipeline.source.as_ref().map(|source| &source.cadence);
    match configuration(&steps.producer, &steps.wanted) {
        // Its turn has come: the producer of the other kind, or one without a source, goes with it.
        Some(configuration) if steps.producer == Revision::Desired => match wants {
            Some(cadence) if other_kind_works(situation.observed, &name, cadence) => {}
            Some(Cadence::Continuous { .. }) => {
                desired.apply(Kind::Deployment, owner, deployment(situation, configuration));
            }
            Some(Cadence::Scheduled(schedule)) => {
                desired.apply(Kind::CronJob, owner, cron_job(situation, configuration, schedule));
            }
            None => {}
        },
        // Not yet. The last good one goes on, with today's schedule and scale where it is of the same kind.
        Some(configuration) => {
            let has = |is_scheduled| match is_scheduled {
                true => situation.observed.cron_job(&name).is_some(),
                false => situation.observed.deployment(&name).is_some(),
            };
            match wants {
                Some(Cadence::Scheduled(schedule)) if has(true) => {
                    desired.apply(Kind::CronJob, owner, cron_job(situation, configuration, schedule));
                }
                Some(Cadence::Continuous { .. }) if has(false) => {
                    desired.apply(Kind::Deployment, owner, deployment(situation, configuration));
                }
                _ => keep(desired, situation, &name),
            }
        }
        None if steps.producer == Revision::Unknown => keep(desired, situation, &name),
        None => {}
    }
}

fn keep(desired: &mut Desired, situation: &ValidInput<'_>, name: &str) {
    desired.keep_workload(situation, Kind::Deployment, name);
    desired.keep_workload(situation, Kind::CronJob, name);
}

/// Whether the producer of the kind that is no longer wanted still works. It is deleted, and the new one waits for its last
/// pod: two would fetch the same pages from the same position.
fn other_kind_works(observed: &Observed, name: &str, wanted: &Cadence) -> bool {
    let is_run = |pod: &Pod| pod.owner_references().iter().any(|owner| owner.kind == "Job");
    let mut pods = observed.pods_of(Component::Producer).filter(|pod| !has_ended(pod));
    match wanted {
        Cadence::Continuous { .. } => observed.cron_job(name).is_some() || pods.any(is_run),
        Cadence::Scheduled(_) => observed.deployment(name).is_some() || pods.any(|pod| !is_run(pod)),
    }
}

/// One, and never two at once: two would fetch the same pages from the same position.
fn deployment(situation: &ValidInput<'_>, configuration: &Configuration) -> Deployment {
    let name = Names(&situation.pipeline.name).of(Component::Producer);
    Deployment {
        metadata: metadata(situation, Component::Producer, name),
        spec: Some(DeploymentSpec {
            replicas: Some(i32::from(!situation.pipeline.suspend)),
            selector: LabelSelector {
                match_labels: Some(selector(situation.pipeline, Component::Producer)),
                ..LabelSelector::default()
            },
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            revision_history_limit: Some(1),
            template: template(situation, configuration, PRODUCER),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn cron_job(situation: &ValidInput<'_>, configuration: &Configuration, schedule: &Schedule) -> CronJob {
    let names = Names(&situation.pipeline.name);
    let limit = |count: u32| Some(i32::try_from(count).unwrap_or(i32::MAX));
    CronJob {
        metadata: metadata(situation, Component::Producer, names.of(Component::Producer)),
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
            suspend: Some(situation.pipeline.suspend),
            job_template: JobTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(names.labels(Component::Producer)),
                    ..ObjectMeta::default()
                }),
                spec: Some(JobSpec {
                    backoff_limit: Some(RUN_RETRIES),
                    template: restarting(template(situation, configuration, SCHEDULED)),
                    ..JobSpec::default()
                }),
            },
        }),
        ..CronJob::default()
    }
}
