//! The Deployment of the processors, and their PodDisruptionBudget.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use userstream_crds::model::Pipeline;
use userstream_crds::names::Component;

use super::pod::{Role, selector, template};
use super::{Desired, configuration, metadata};
use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::model::configuration::Configuration;
use crate::model::input::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;

const PROCESSOR: Role = Role {
    component: Component::Processor,
    arguments: &["process"],
    uses_source: false,
    uses_table: true,
    is_long_running: true,
};

pub(super) fn build(
    desired: &mut Desired,
    owner: &OwnerReference,
    input: &ValidInput<'_>,
    rollout: &RolloutPlan,
) {
    let name = Names(&input.pipeline.name).of(Component::Processor);
    match configuration(&rollout.processor, &rollout.desired) {
        Some(configuration) => {
            let deployment = deployment(input, configuration, rollout.replicas);
            desired.apply(Kind::Deployment, owner, deployment);
            desired.apply(Kind::PodDisruptionBudget, owner, disruption_budget(input.pipeline));
        }
        None if rollout.processor == Revision::Unknown => {
            desired.keep_workload(input, Kind::Deployment, &name);
            desired.keep(Kind::PodDisruptionBudget, name);
        }
        None => {}
    }
}

/// Replaces one pod at a time: each processor that joins or leaves the consumer group causes a rebalance.
fn deployment(input: &ValidInput<'_>, configuration: &Configuration, replicas: u32) -> Deployment {
    let name = Names(&input.pipeline.name).of(Component::Processor);
    Deployment {
        metadata: metadata(input, Component::Processor, name),
        spec: Some(DeploymentSpec {
            replicas: Some(i32::try_from(replicas).unwrap_or(i32::MAX)),
            selector: LabelSelector {
                match_labels: Some(selector(input.pipeline, Component::Processor)),
                ..LabelSelector::default()
            },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            revision_history_limit: Some(1),
            template: template(input, configuration, PROCESSOR),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// An eviction takes at most one processor at a time. `minAvailable: 1` would block the drain of the node of a single
/// processor.
fn disruption_budget(pipeline: &Pipeline) -> PodDisruptionBudget {
    let names = Names(&pipeline.name);
    PodDisruptionBudget {
        metadata: ObjectMeta {
            name: Some(names.of(Component::Processor)),
            namespace: Some(pipeline.namespace.to_string()),
            labels: Some(names.labels(Component::Processor)),
            ..ObjectMeta::default()
        },
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(selector(pipeline, Component::Processor)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
