//! The objects of one pipeline as the stores show them, and the status of its workers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::api::DynamicObject;
use userstream_crds::UserStreamPipeline;
use userstream_crds::names::{Component, RETAINED_FOR};
use userstream_crds::worker_status::WorkerStatus;

use super::kind::Kind;
use super::text::truncated;

/// The objects of one pipeline. It owns them by their owner reference, or by the annotation that replaces it. Pods
/// belong to it by their label.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The worker's configurations.
    pub config_maps: Vec<Arc<ConfigMap>>,
    /// Its Jobs, including those of its CronJob.
    pub jobs: Vec<Arc<Job>>,
    /// The producer of a scheduled source.
    pub cron_jobs: Vec<Arc<CronJob>>,
    /// Processors, and the producer of a continuous source.
    pub deployments: Vec<Arc<Deployment>>,
    /// How many processors an eviction may take at a time.
    pub pod_disruption_budgets: Vec<Arc<PodDisruptionBudget>>,
    /// Which ports of the workers are reachable.
    pub network_policies: Vec<Arc<NetworkPolicy>>,
    /// PodMonitors, where the cluster serves the kind.
    pub pod_monitors: Vec<Arc<DynamicObject>>,
    /// Strimzi's KafkaTopics, where the cluster serves the kind.
    pub kafka_topics: Vec<Arc<DynamicObject>>,
    /// The pods of all of them.
    pub pods: Vec<Arc<Pod>>,
    /// The last status that each worker reported, by the name of its pod.
    pub reports: BTreeMap<String, WorkerReport>,
}

/// How many missing dependencies of a report are kept, and how many bytes of each. A worker has a handful.
const MOST_MISSING: usize = 8;
const LONGEST_MISSING: usize = 200;

/// The status that a worker reported, and when. It has no more than decisions use: users who create pods determine what
/// they answer.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerReport {
    /// When the operator requested it.
    pub at: Timestamp,
    /// The status, without its errors and its partitions, and with a few missing dependencies.
    pub status: WorkerStatus,
    /// The assigned partitions of a processor; `None` before its first assignment.
    pub assigned: Option<Box<[i32]>>,
}

impl WorkerReport {
    /// What is kept of a status.
    #[must_use]
    pub fn new(at: Timestamp, mut status: WorkerStatus) -> Self {
        let partitions = status.processor.partitions.take();
        let assigned = partitions.map(|all| all.iter().map(|it| it.partition).collect());
        status.errors = Vec::new();
        status.missing.truncate(MOST_MISSING);
        status.missing.shrink_to_fit();
        for missing in &mut status.missing {
            *missing = truncated(missing, LONGEST_MISSING).into();
        }
        Self { at, status, assigned }
    }
}

impl Observed {
    /// The objects that belong to this pipeline, among those that carry its name. Objects and pods of an older pipeline
    /// of the same name are being garbage-collected and left out.
    #[must_use]
    pub fn of(resource: &UserStreamPipeline, named: Self) -> Self {
        fn own<K: Resource>(objects: Vec<Arc<K>>, uid: Option<&str>) -> Vec<Arc<K>> {
            objects.into_iter().filter(|object| is_owned_by(object.as_ref(), uid)).collect()
        }
        let uid = resource.metadata.uid.as_deref();
        let cron_jobs = own(named.cron_jobs, uid);
        let runs_of = |owner: Option<&str>, job: &Job| owner.is_some() && is_owned_by(job, owner);
        let is_own = |job: &Job| {
            runs_of(uid, job) || cron_jobs.iter().any(|it| runs_of(it.metadata.uid.as_deref(), job))
        };
        let jobs = named.jobs.into_iter().filter(|job| is_own(job)).collect();
        let created = resource.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let mut pods = named.pods;
        pods.retain(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0) >= created);
        Self {
            config_maps: own(named.config_maps, uid),
            jobs,
            deployments: own(named.deployments, uid),
            pod_disruption_budgets: own(named.pod_disruption_budgets, uid),
            network_policies: own(named.network_policies, uid),
            pod_monitors: own(named.pod_monitors, uid),
            kafka_topics: own(named.kafka_topics, uid),
            cron_jobs,
            pods,
            reports: named.reports,
        }
    }

    /// The resource version of an object in the stores.
    #[must_use]
    pub fn version(&self, kind: Kind, name: &str) -> Option<&str> {
        fn of<'a, K: Resource>(objects: &'a [Arc<K>], name: &str) -> Option<&'a str> {
            find(objects, name)?.meta().resource_version.as_deref()
        }
        match kind {
            Kind::ConfigMap => of(&self.config_maps, name),
            Kind::Job => of(&self.jobs, name),
            Kind::CronJob => of(&self.cron_jobs, name),
            Kind::Deployment => of(&self.deployments, name),
            Kind::PodDisruptionBudget => of(&self.pod_disruption_budgets, name),
            Kind::NetworkPolicy => of(&self.network_policies, name),
            Kind::PodMonitor => of(&self.pod_monitors, name),
            Kind::KafkaTopic => of(&self.kafka_topics, name),
        }
    }

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
        self.pods.iter().map(Arc::as_ref).filter(move |pod| component.is_of(*pod))
    }

    /// The pods of a Job.
    pub fn pods_of_job<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().map(Arc::as_ref).filter(|pod| is_owned_by(*pod, job.metadata.uid.as_deref()))
    }
}

fn find<'a, K: Resource>(objects: &'a [Arc<K>], name: &str) -> Option<&'a K> {
    objects.iter().map(Arc::as_ref).find(|object| object.meta().name.as_deref() == Some(name))
}

/// Whether an object belongs to the owner with this UID: by its controller reference, or by the annotation of an object
/// that outlives its owner. A controller reference would have such an object garbage-collected.
pub fn is_owned_by<K: Resource>(object: &K, uid: Option<&str>) -> bool {
    uid.is_some_and(|uid| is_controlled_by(object, uid) || retained_for(object) == Some(uid))
}

/// Whether the controller of an object has this UID. The garbage collector deletes the object with it.
pub fn is_controlled_by<K: Resource>(object: &K, uid: &str) -> bool {
    let owners = object.meta().owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

/// The UID of the pipeline that a retained object belongs to.
pub fn retained_for<K: Resource>(object: &K) -> Option<&str> {
    object.meta().annotations.as_ref()?.get(RETAINED_FOR).map(String::as_str)
}
