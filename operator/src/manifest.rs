//! The manifests of a pipeline's objects, from what is due. Pure and infallible; imports [`model`](crate::model) and
//! [`lifecycle`](crate::lifecycle).

mod cleanup;
mod config_map;
mod desired;
mod job;
mod kafka_topic;
mod network_policy;
mod pod;
mod pod_monitor;
mod processor;
mod producer;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use userstream_crds::UserStreamPipeline;
use userstream_crds::names::Component;

use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::model::configuration::Configuration;
use crate::model::input::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;

pub use cleanup::cleanup;
pub use desired::{Desired, Manifest};

/// The objects of a pipeline during the rollout of its spec.
#[must_use]
pub fn build(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Desired {
    let mut desired = Desired::default();
    let owner = owner(input.resource);
    if let Some(plan) = &rollout.plan {
        desired.keep_everything(input.observed);
        config_map::build(&mut desired, &owner, &rollout.desired);
        desired.apply(Kind::Job, &owner, job::plan(input, &plan.name, &rollout.desired));
        return desired;
    }
    config_map::build_all(&mut desired, &owner, input.observed, rollout);
    kafka_topic::build(&mut desired, &owner, input);
    // Provisioning does not start while the pipeline is suspended.
    if !input.pipeline.suspend || input.observed.job(&rollout.provision.name).is_some() {
        let job = job::provision(input, &rollout.provision.name, &rollout.desired);
        desired.apply(Kind::Job, &owner, job);
    }
    if input.settings.network_policies {
        desired.apply(Kind::NetworkPolicy, &owner, network_policy::network_policy(input.pipeline));
    }
    processor::build(&mut desired, &owner, input, rollout);
    producer::build(&mut desired, &owner, input, rollout);
    if let Some(run) = &rollout.run {
        if run.is_due {
            desired.apply(Kind::Job, &owner, job::run(input, &run.job.name, &rollout.desired));
        } else if input.observed.job(&run.job.name).is_some() {
            desired.keep(Kind::Job, run.job.name.clone());
        }
    }
    pod_monitor::build(&mut desired, &owner, input);
    desired
}

/// The configuration that a workload is rendered with; `None` where the workload is not rendered.
fn configuration<'a>(revision: &'a Revision, desired: &'a Configuration) -> Option<&'a Configuration> {
    match revision {
        Revision::None | Revision::Unknown => None,
        Revision::Desired => Some(desired),
        Revision::LastGood(last) => Some(last),
    }
}

/// The reference that makes the pipeline the controller of an object. The deletion of the pipeline does not wait for
/// it.
fn owner(resource: &UserStreamPipeline) -> OwnerReference {
    OwnerReference {
        api_version: UserStreamPipeline::api_version(&()).into_owned(),
        kind: UserStreamPipeline::kind(&()).into_owned(),
        name: resource.name_any(),
        uid: resource.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// The metadata of an object of a component.
fn metadata(input: &ValidInput<'_>, component: Component, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(input.pipeline.namespace.to_string()),
        labels: Some(Names(&input.pipeline.name).labels(component)),
        ..ObjectMeta::default()
    }
}
