//! What is there: the objects of one pipeline as the caches have them, and what its workers report.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt};
use userstream_crds::worker_status::WorkerStatus;

use crate::names::{COMPONENT, Component};

/// The objects of one pipeline: those that it owns, by their owner reference. Pods belong to it through their label.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The worker's configurations.
    pub config_maps: Vec<Arc<ConfigMap>>,
    /// Jobs, those of the CronJob included.
    pub jobs: Vec<Arc<Job>>,
    /// The producer of a scheduled source.
    pub cron_jobs: Vec<Arc<CronJob>>,
    /// Processors, and the producer of a continuous source.
    pub deployments: Vec<Arc<Deployment>>,
    /// How many processors may be away.
    pub pod_disruption_budgets: Vec<Arc<PodDisruptionBudget>>,
    /// Who may reach the workers.
    pub network_policies: Vec<Arc<NetworkPolicy>>,
    /// PodMonitors, where the cluster has the kind.
    pub pod_monitors: Vec<Arc<DynamicObject>>,
    /// Strimzi's KafkaTopics, where the cluster has the kind.
    pub kafka_topics: Vec<Arc<DynamicObject>>,
    /// The pods of all of them.
    pub pods: Vec<Arc<Pod>>,
    /// What the workers told of themselves last, by the name of their pod.
    pub reports: BTreeMap<String, WorkerReport>,
}

/// What a worker told of itself, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerReport {
    /// When it was asked.
    pub at: Timestamp,
    /// What it said.
    pub status: WorkerStatus,
}

impl Observed {
    /// The Deployment with this name.
    #[must_use]
    pub fn deployment(&self, name: &str) -> Option<&Deployment> {
        find(&self.deployments, name)
    }

    /// The Job with this name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&Job> {
        find(&self.jobs, name)
    }

    /// The CronJob with this name.
    #[must_use]
    pub fn cron_job(&self, name: &str) -> Option<&CronJob> {
        find(&self.cron_jobs, name)
    }

    /// The ConfigMap with this name.
    #[must_use]
    pub fn config_map(&self, name: &str) -> Option<&ConfigMap> {
        find(&self.config_maps, name)
    }

    /// The pods of a component.
    pub fn pods_of(&self, component: Component) -> impl Iterator<Item = &Pod> {
        self.pods
            .iter()
            .map(Arc::as_ref)
            .filter(move |pod| pod.labels().get(COMPONENT).is_some_and(|label| label == component.name()))
    }

    /// The pods of a Job.
    pub fn pods_of_job<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().map(Arc::as_ref).filter(|pod| is_owned_by(*pod, job.metadata.uid.as_deref()))
    }
}

fn find<'a, K: Resource>(objects: &'a [Arc<K>], name: &str) -> Option<&'a K> {
    objects.iter().map(Arc::as_ref).find(|object| object.meta().name.as_deref() == Some(name))
}

/// Whether the controller of an object is the one with this UID.
pub fn is_owned_by<K: Resource>(object: &K, uid: Option<&str>) -> bool {
    let owners = object.meta().owner_references.iter().flatten();
    uid.is_some_and(|uid| owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == uid))
}
