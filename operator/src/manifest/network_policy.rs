//! The NetworkPolicy that limits ingress of the workers' pods to their status port. Egress is left to the tenant's own
//! policies.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use userstream_crds::model::Pipeline;
use userstream_crds::names::{Component, PIPELINE};

use crate::model::configuration::STATUS_PORT;
use crate::model::names::Names;

pub(super) fn network_policy(pipeline: &Pipeline) -> NetworkPolicy {
    let names = Names(&pipeline.name);
    NetworkPolicy {
        metadata: ObjectMeta {
            name: Some(format!("{}-workers", pipeline.name)),
            namespace: Some(pipeline.namespace.to_string()),
            labels: Some(names.labels(Component::Configuration)),
            ..ObjectMeta::default()
        },
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some([(PIPELINE.to_owned(), pipeline.name.to_string())].into()),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                ports: Some(vec![NetworkPolicyPort {
                    port: Some(IntOrString::Int(STATUS_PORT.into())),
                    protocol: Some("TCP".to_owned()),
                    end_port: None,
                }]),
                from: None,
            }]),
            egress: None,
        }),
    }
}
