//! The Prometheus operator's PodMonitor, when the pipeline enables it and the cluster serves the kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;
use userstream_crds::names::{COMPONENT, Component, PIPELINE};
use userstream_crds::worker_pod::STATUS_PORT_NAME;

use super::{Desired, Manifest};
use crate::model::input::ValidInput;
use crate::model::kind::Kind;
use crate::model::names::Names;

pub(super) fn build(desired: &mut Desired, owner: &OwnerReference, input: &ValidInput<'_>) {
    if !input.pipeline.pod_monitor || !input.settings.kinds.pod_monitor {
        return;
    }
    let name = input.pipeline.name.to_string();
    let body = json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {
            "name": name,
            "namespace": input.pipeline.namespace.as_str(),
            "labels": Names(&input.pipeline.name).labels(Component::Configuration),
            "ownerReferences": [owner],
        },
        "spec": {
            "selector": {"matchLabels": {PIPELINE: name}},
            "podMetricsEndpoints": [{"port": STATUS_PORT_NAME, "path": "/metrics"}],
            // They distinguish the pipelines in queries without the names of pods.
            "podTargetLabels": [PIPELINE, COMPONENT],
        },
    });
    desired.manifests.push(Manifest { kind: Kind::PodMonitor, name, body });
}
