//! The ConfigMaps of the configurations in use.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use userstream_crds::worker_pod::{finished, has_ended};

use super::Desired;
use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::model::configuration::Configuration;
use crate::model::kind::Kind;
use crate::model::observed::Observed;

/// The configurations of a rollout, and those that something still references.
pub(super) fn build_all(
    desired: &mut Desired,
    owner: &OwnerReference,
    observed: &Observed,
    rollout: &RolloutPlan,
) {
    build(desired, owner, &rollout.desired);
    for revision in [&rollout.processor, &rollout.producer] {
        if let Revision::LastGood(last) = revision {
            build(desired, owner, last);
        }
    }
    keep_referenced(desired, observed);
}

/// One configuration, unless it is there already.
pub(super) fn build(desired: &mut Desired, owner: &OwnerReference, configuration: &Configuration) {
    if !desired.contains(Kind::ConfigMap, &configuration.name()) {
        desired.apply(Kind::ConfigMap, owner, configuration.config_map());
    }
}

/// Keeps each configuration that a pod, a workload or an unfinished Job references: a container that restarts, and a
/// pod that is yet to start, need it.
fn keep_referenced(desired: &mut Desired, observed: &Observed) {
    let pods = observed.pods.iter().filter(|pod| !has_ended(pod)).filter_map(|pod| pod.spec.as_ref());
    let deployments = observed.deployments.iter().filter_map(|it| it.spec.as_ref()?.template.spec.as_ref());
    let cron_jobs = observed
        .cron_jobs
        .iter()
        .filter_map(|it| it.spec.as_ref()?.job_template.spec.as_ref()?.template.spec.as_ref());
    let unfinished_jobs = observed.jobs.iter().filter(|it| finished(it).is_none());
    let unfinished_jobs = unfinished_jobs.filter_map(|it| it.spec.as_ref()?.template.spec.as_ref());
    let specs = pods.chain(deployments).chain(cron_jobs).chain(unfinished_jobs);
    let volumes = specs.flat_map(|spec| spec.volumes.iter().flatten());
    let names = volumes.filter_map(|volume| volume.config_map.as_ref().map(|source| source.name.clone()));
    for name in names.filter(|name| observed.config_map(name).is_some()) {
        desired.keep(Kind::ConfigMap, name);
    }
}
