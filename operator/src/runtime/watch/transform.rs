//! The store transform: what the stores drop from an object. Each pipeline has eight objects, and the operator reads
//! only a small part of them.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ContainerStatus, Pod, PodSpec, PodStatus, Volume};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::api::DynamicObject;
use userstream_crds::names::{COMPONENT, PIPELINE};
use userstream_crds::worker_pod::{CONTAINER, finished};

/// Reduces an object to the fields that the operator reads.
pub trait StoreTransform: Resource {
    /// Drops all other fields.
    fn transform(&mut self) {
        self.meta_mut().managed_fields = None;
    }
}

impl StoreTransform for ConfigMap {}
impl StoreTransform for CronJob {}
impl StoreTransform for Deployment {}
impl StoreTransform for DynamicObject {}
impl StoreTransform for NetworkPolicy {}
impl StoreTransform for PodDisruptionBudget {}

impl StoreTransform for Job {
    /// The spec of a finished Job is not compared with its manifest any more.
    fn transform(&mut self) {
        self.metadata.managed_fields = None;
        if finished(self).is_some() {
            self.spec = Some(JobSpec::default());
        }
    }
}

impl StoreTransform for Pod {
    /// Keeps its pipeline, its configuration, its address and the state of its worker.
    fn transform(&mut self) {
        let metadata = &mut self.metadata;
        metadata.managed_fields = None;
        metadata.annotations = None;
        if let Some(labels) = &mut metadata.labels {
            labels.retain(|label, _| [PIPELINE, COMPONENT].contains(&label.as_str()));
        }
        self.spec = self.spec.take().map(|spec| PodSpec {
            host_network: spec.host_network,
            volumes: spec.volumes.map(|volumes| volumes.into_iter().filter_map(config_map_volume).collect()),
            ..PodSpec::default()
        });
        self.status = self.status.take().map(|status| PodStatus {
            phase: status.phase,
            pod_ip: status.pod_ip,
            conditions: status
                .conditions
                .map(|all| all.into_iter().filter(|it| it.type_ == "PodScheduled").collect()),
            container_statuses: status
                .container_statuses
                .map(|all| all.into_iter().filter(|it| it.name == CONTAINER).map(container_state).collect()),
            ..PodStatus::default()
        });
    }
}

fn config_map_volume(volume: Volume) -> Option<Volume> {
    let config_map = Some(volume.config_map?);
    Some(Volume { name: volume.name, config_map, ..Volume::default() })
}

fn container_state(container: ContainerStatus) -> ContainerStatus {
    ContainerStatus {
        name: container.name,
        state: container.state,
        last_state: container.last_state,
        ..ContainerStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use userstream_crds::worker_pod::{last_termination, obstacle};

    use super::*;

    fn pod(status: &serde_json::Value) -> Pod {
        let body = json!({
            "metadata": {"name": "users-provision-1", "labels": {PIPELINE: "users", COMPONENT: "provision", "other": "label"}},
            "spec": {
                "containers": [{"name": CONTAINER, "image": "worker:1", "args": ["provision"]}],
                "volumes": [
                    {"name": "config", "configMap": {"name": "users-config-1"}},
                    {"name": "secret-0", "secret": {"secretName": "users-kafka"}},
                ],
            },
            "status": status,
        });
        serde_json::from_value(body).unwrap()
    }

    fn transformed<K: StoreTransform + Clone>(object: &K) -> K {
        let mut object = object.clone();
        object.transform();
        object
    }

    #[test]
    fn termination_and_start_obstacle_of_a_worker_are_kept() {
        let ended = json!({"exitCode": 69, "message": r#"{"message": "no broker answers"}"#});
        let ended = pod(&json!({"containerStatuses": [
            {"name": "sidecar", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}},
            {"name": CONTAINER, "image": "", "imageID": "", "ready": false, "restartCount": 1, "state": {"terminated": ended}},
        ]}));
        let kept = last_termination([&transformed(&ended)].into_iter()).unwrap();
        assert_eq!(Some(&kept), last_termination([&ended].into_iter()).as_ref());
        assert_eq!(kept.message, "no broker answers");
        let unscheduled = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable"});
        let unscheduled = pod(&json!({"conditions": [{"type": "Ready", "status": "False"}, unscheduled]}));
        assert_eq!(obstacle(&transformed(&unscheduled)).unwrap().reason, "Unschedulable");
    }

    #[test]
    fn pod_keeps_its_pipeline_and_its_configuration() {
        let pod = transformed(&pod(&json!({"phase": "Running", "podIP": "10.0.0.1"})));
        assert_eq!(pod.metadata.labels.unwrap().len(), 2);
        let spec = pod.spec.unwrap();
        assert_eq!((spec.containers.len(), spec.volumes.unwrap().len()), (0, 1));
        assert_eq!(pod.status.unwrap().pod_ip.as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn unfinished_job_keeps_its_spec() {
        let mut job =
            Job { spec: Some(JobSpec { backoff_limit: Some(3), ..JobSpec::default() }), ..Job::default() };
        assert_eq!(transformed(&job), job);
        job.status =
            serde_json::from_value(json!({"conditions": [{"type": "Complete", "status": "True"}]})).unwrap();
        assert_eq!(transformed(&job).spec, Some(JobSpec::default()));
    }
}
