//! The Prometheus operator's PodMonitor, where the pipeline asks for one and the cluster has the kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;
use userstream_crds::names::{COMPONENT, Component, PIPELINE};
use userstream_crds::worker_pod::STATUS_PORT_NAME;

use super::{Desired, Manifest};
use crate::lifecycle::rollout::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;

pub(super) fn build(desired: &mut Desired, owner: &OwnerReference, situation: &ValidInput<'_>) {
    if !situation.pipeline.pod_monitor || !situation.settings.kinds.pod_monitor {
        return;
    }
    let name = situation.pipeline.name.to_string();
    let body = json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {
            "name": name,
            "namespace": situation.pipeline.namespace.as_str(),
            "labels": Names(&situation.pipeline.name).labels(Component::Configuration),
            "ownerReferences": [owner],
        },
        "spec": {
            "selector": {"matchLabels": {PIPELINE: name}},
            "podMetricsEndpoints": [{"port": STATUS_PORT_NAME, "path": "/metrics"}],
            // So that metrics of all pipelines can be told apart without the names of their pods.
            "podTargetLabels": [PIPELINE, COMPONENT],
        },
    });
    desired.manifests.push(Manifest { kind: Kind::PodMonitor, name, body });
}
