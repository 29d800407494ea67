//! The processors.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use userstream_crds::model::Pipeline;
use userstream_crds::names::Component;

use super::metadata;
use super::pod::{Role, selector, template};
use crate::lifecycle::rollout::ValidInput;
use crate::model::configuration::Configuration;
use crate::model::names::Names;

const PROCESSOR: Role = Role {
    component: Component::Processor,
    arguments: &["process"],
    uses_source: false,
    uses_table: true,
    stays: true,
};

/// One by one: each processor that comes or goes makes the group hand its partitions around.
pub(super) fn deployment(
    situation: &ValidInput<'_>,
    configuration: &Configuration,
    replicas: u32,
) -> Deployment {
    let name = Names(&situation.pipeline.name).of(Component::Processor);
    Deployment {
        metadata: metadata(situation, Component::Processor, name),
        spec: Some(DeploymentSpec {
            replicas: Some(i32::try_from(replicas).unwrap_or(i32::MAX)),
            selector: LabelSelector {
                match_labels: Some(selector(situation.pipeline, Component::Processor)),
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
            template: template(situation, configuration, PROCESSOR),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// At most one processor is away for a drained node. Not "at least one there", which would block the drain of a node with
/// the only one.
pub(super) fn disruption_budget(pipeline: &Pipeline) -> PodDisruptionBudget {
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
