//! What a cache keeps of an object. There are eight for each pipeline, and most of their bytes are nothing that is ever
//! looked at here.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ContainerStatus, Pod, PodSpec, PodStatus, Volume};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::api::DynamicObject;
use userstream_crds::names::{COMPONENT, PIPELINE};
use userstream_crds::worker_pod::{CONTAINER, finished};

/// Of an object, what decisions are made from.
pub trait StoreTransform: Resource {
    /// Drops everything else.
    fn slim(&mut self) {
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
    /// A Job that has ended stays as it is, whatever it is to be: its spec is not compared with anything.
    fn slim(&mut self) {
        self.metadata.managed_fields = None;
        if finished(self).is_some() {
            self.spec = Some(JobSpec::default());
        }
    }
}

impl StoreTransform for Pod {
    /// Whose it is, which configuration it uses, how to reach it and how its worker is.
    fn slim(&mut self) {
        let metadata = &mut self.metadata;
        metadata.managed_fields = None;
        metadata.annotations = None;
        if let Some(labels) = &mut metadata.labels {
            labels.retain(|label, _| [PIPELINE, COMPONENT].contains(&label.as_str()));
        }
        self.spec = self.spec.take().map(|spec| PodSpec {
            host_network: spec.host_network,
            volumes: spec.volumes.map(|volumes| volumes.into_iter().filter_map(of_config_map).collect()),
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
                .map(|all| all.into_iter().filter(|it| it.name == CONTAINER).map(how_it_is).collect()),
            ..PodStatus::default()
        });
    }
}

fn of_config_map(volume: Volume) -> Option<Volume> {
    let config_map = Some(volume.config_map?);
    Some(Volume { name: volume.name, config_map, ..Volume::default() })
}

fn how_it_is(container: ContainerStatus) -> ContainerStatus {
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

    fn slimmed<K: StoreTransform + Clone>(object: &K) -> K {
        let mut object = object.clone();
        object.slim();
        object
    }

    #[test]
    fn how_a_worker_ended_and_what_keeps_it_from_starting_can_still_be_told() {
        let ended = json!({"exitCode": 69, "message": r#"{"message": "no broker answers"}"#});
        let ended = pod(&json!({"containerStatuses": [
            {"name": "sidecar", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}},
            {"name": CONTAINER, "image": "", "imageID": "", "ready": false, "restartCount": 1, "state": {"terminated": ended}},
        ]}));
        let told = last_termination([&slimmed(&ended)].into_iter()).unwrap();
        assert_eq!(Some(&told), last_termination([&ended].into_iter()).as_ref());
        assert_eq!(told.message, "no broker answers");
        let unscheduled = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable"});
        let unscheduled = pod(&json!({"conditions": [{"type": "Ready", "status": "False"}, unscheduled]}));
        assert_eq!(obstacle(&slimmed(&unscheduled)).unwrap().reason, "Unschedulable");
    }

    #[test]
    fn a_pod_keeps_whose_it_is_and_the_configuration_that_it_uses() {
        let slim = slimmed(&pod(&json!({"phase": "Running", "podIP": "10.0.0.1"})));
        assert_eq!(slim.metadata.labels.unwrap().len(), 2);
        let spec = slim.spec.unwrap();
        assert_eq!((spec.containers.len(), spec.volumes.unwrap().len()), (0, 1));
        assert_eq!(slim.status.unwrap().pod_ip.as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn a_job_that_works_keeps_the_spec_that_it_is_compared_by() {
        let mut job =
            Job { spec: Some(JobSpec { backoff_limit: Some(3), ..JobSpec::default() }), ..Job::default() };
        assert_eq!(slimmed(&job), job);
        job.status =
            serde_json::from_value(json!({"conditions": [{"type": "Complete", "status": "True"}]})).unwrap();
        assert_eq!(slimmed(&job).spec, Some(JobSpec::default()));
    }
}
