//! Pods with the status that a kubelet writes.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Value, json};

const NODE: &str = "bench";
const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// A pod of this template, bound to a node.
pub(super) fn pod(name: String, owner: OwnerReference, template: &PodTemplateSpec) -> Pod {
    let of_template = template.metadata.clone().unwrap_or_default();
    let metadata = ObjectMeta {
        name: Some(name),
        labels: of_template.labels,
        annotations: of_template.annotations,
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    let mut spec = template.spec.clone().unwrap_or_default();
    spec.node_name = Some(NODE.to_owned());
    Pod { metadata, spec: Some(spec), status: None }
}

/// The status of a pod whose worker runs.
pub(super) fn running(address: Ipv4Addr) -> Value {
    let now = Timestamp::now();
    let state = json!({"running": {"startedAt": now}});
    status("Running", "True", address, now, &container(true, &state))
}

/// The status of a pod whose worker has exited with 0 and this termination message.
pub(super) fn succeeded(address: Ipv4Addr, message: &Value) -> Value {
    let now = Timestamp::now();
    let state = json!({"terminated": {
        "exitCode": 0, "reason": "Completed", "message": message.to_string(), "startedAt": now, "finishedAt": now,
        "containerID": CONTAINER_ID,
    }});
    status("Succeeded", "False", address, now, &container(false, &state))
}

const CONTAINER_ID: &str = "containerd://9a5d7c0a6a3c4f5e8b1d2c3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6";

fn container(runs: bool, state: &Value) -> Value {
    json!({
        "name": "worker", "image": "example.org/worker:1", "imageID": "example.org/worker@sha256:9a5d7c0a6a3c4f5e8b1d2c3e4f5a6b7c",
        "containerID": CONTAINER_ID, "ready": runs, "started": runs, "restartCount": 0, "state": state, "lastState": {},
    })
}

fn status(phase: &str, ready: &str, address: Ipv4Addr, now: Timestamp, container: &Value) -> Value {
    let condition = |of: &str, status: &str| json!({"type": of, "status": status, "lastTransitionTime": now});
    json!({
        "phase": phase,
        "startTime": now,
        "hostIP": NODE_ADDRESS,
        "hostIPs": [{"ip": NODE_ADDRESS}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [
            condition("PodReadyToStartContainers", ready),
            condition("Initialized", "True"),
            condition("Ready", ready),
            condition("ContainersReady", ready),
            condition("PodScheduled", "True"),
        ],
        "containerStatuses": [container],
    })
}
