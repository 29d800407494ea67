//! A snapshot of a pipeline and its objects in a cluster. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;
use userstream_crds::names::Component;
use userstream_crds::status::PipelineStatus;
use userstream_crds::worker_status::WorkerStatus;

use super::installation::watches;

/// A pipeline and its objects at one time.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The custom resource.
    pub(crate) pipeline: DynamicObject,
    /// Its Deployments.
    pub(crate) deployments: Vec<Deployment>,
    /// Its CronJobs.
    pub(crate) cron_jobs: Vec<CronJob>,
    /// Its Jobs.
    pub(crate) jobs: Vec<Job>,
    /// Its pods.
    pub(crate) pods: Vec<Pod>,
    /// The status that workers report, by pod; or why a report is missing.
    pub(crate) reports: BTreeMap<String, Result<WorkerStatus, String>>,
    /// The kinds that the user may not list.
    pub(crate) forbidden: Vec<Forbidden>,
    /// The operator of the namespace.
    pub(crate) operator: Operator,
    /// The time of the snapshot.
    pub(crate) now: Timestamp,
}

/// A kind that the user may not list.
#[derive(Debug, Clone)]
pub(crate) struct Forbidden {
    /// The plural of the kind: `pods`.
    pub(crate) what: &'static str,
    /// The missing permission.
    pub(crate) why: String,
}

/// The operator, as far as the user may read it.
#[derive(Debug)]
pub(crate) enum Operator {
    /// At least one Deployment.
    Installed(Vec<Deployment>),
    /// No Deployment: the operator is not installed, or runs outside the cluster.
    NotFound,
    /// The user may not list Deployments.
    Forbidden,
}

impl Operator {
    /// Keeps the Deployments that watch this namespace.
    pub(crate) fn of(self, namespace: &str) -> Self {
        let Self::Installed(mut deployments) = self else { return self };
        deployments.retain(|deployment| watches(deployment, namespace));
        if deployments.is_empty() { Self::NotFound } else { Self::Installed(deployments) }
    }

    /// Whether the operator is installed and has no ready replica.
    pub(crate) fn is_down(&self) -> bool {
        match self {
            Self::Installed(deployments) => deployments.iter().all(|it| ready_replicas(it) == 0),
            Self::NotFound | Self::Forbidden => false,
        }
    }
}

impl Snapshot {
    /// The status, or the parse error.
    pub(crate) fn status(&self) -> Result<PipelineStatus, String> {
        match self.pipeline.data.get("status") {
            None | Some(Value::Null) => Ok(PipelineStatus::default()),
            Some(status) => serde_json::from_value(status.clone()).map_err(|error| error.to_string()),
        }
    }

    /// A string of the resource, by JSON pointer: `/spec/kafka/topic/name`.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.pipeline.data.pointer(path).and_then(Value::as_str)
    }

    /// Whether a boolean of the resource is true, by JSON pointer.
    pub(crate) fn is(&self, path: &str) -> bool {
        self.pipeline.data.pointer(path) == Some(&Value::Bool(true))
    }

    /// The pods of a component, by name.
    pub(crate) fn pods_of(&self, component: Component) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| component.is_of(*pod))
    }

    /// The Jobs of a component, the newest first.
    pub(crate) fn jobs_of(&self, component: Component) -> Vec<&Job> {
        let mut jobs: Vec<&Job> = self.jobs.iter().filter(|job| component.is_of(*job)).collect();
        jobs.sort_by_key(|job| {
            std::cmp::Reverse((job.creation_timestamp().map(|time| time.0), job.name_any()))
        });
        jobs
    }

    /// The pods of a Job, by name.
    pub(crate) fn pods_of_job(&self, job: &str) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| is_pod_of_job(pod, job))
    }
}

/// Whether a Job owns this pod.
pub(crate) fn is_pod_of_job(pod: &Pod, job: &str) -> bool {
    pod.owner_references().iter().any(|owner| owner.kind == "Job" && owner.name == job)
}

/// The number of ready replicas of a Deployment.
pub(crate) fn ready_replicas(deployment: &Deployment) -> i32 {
    deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operator_of_other_namespaces_is_ignored() {
        let deployment = |watched: Option<&str>, ready: i32| -> Deployment {
            let variables: Vec<Value> =
                watched.iter().map(|value| json!({"name": "WATCH_NAMESPACES", "value": value})).collect();
            serde_json::from_value(json!({
                "metadata": {"name": "userstream"},
                "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "operator", "env": variables}]}}},
                "status": {"readyReplicas": ready},
            }))
            .unwrap()
        };
        let is_down = |deployments: Vec<Deployment>| Operator::Installed(deployments).of("demo").is_down();
        assert!(is_down(vec![deployment(None, 0)]));
        assert!(is_down(vec![deployment(Some("shop,demo"), 0), deployment(Some("shop"), 1)]));
        assert!(!is_down(vec![deployment(Some("shop"), 0)]));
        assert!(matches!(
            Operator::Installed(vec![deployment(Some("shop"), 1)]).of("demo"),
            Operator::NotFound
        ));
    }
}
