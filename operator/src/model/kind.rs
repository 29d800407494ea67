//! The kinds of objects that a pipeline owns.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;

use super::settings::KafkaTopicVersion;

/// The plural of the kind of pipelines.
pub const PIPELINES: &str = "userstreampipelines";

/// A kind of object that a pipeline owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The worker's configuration.
    ConfigMap,
    /// One-shot work: provisioning, a manual run, a cleanup.
    Job,
    /// A scheduled producer.
    CronJob,
    /// Processors, and a continuous producer.
    Deployment,
    /// How many processors an eviction may take at a time.
    PodDisruptionBudget,
    /// Which ports of the workers are reachable.
    NetworkPolicy,
    /// The Prometheus operator's scrape configuration.
    PodMonitor,
    /// Strimzi's topic.
    KafkaTopic,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ConfigMap,
        Self::Job,
        Self::CronJob,
        Self::Deployment,
        Self::PodDisruptionBudget,
        Self::NetworkPolicy,
        Self::PodMonitor,
        Self::KafkaTopic,
    ];

    /// The API resource that serves this kind.
    #[must_use]
    pub fn api(self, kafka_topics: Option<KafkaTopicVersion>) -> ApiResource {
        match self {
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::Job => ApiResource::erase::<Job>(&()),
            Self::CronJob => ApiResource::erase::<CronJob>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::PodMonitor => pod_monitor(),
            Self::KafkaTopic => kafka_topic(kafka_topics.unwrap_or(KafkaTopicVersion::V1)),
        }
    }

    /// The `kind` in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Deployment => "Deployment",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PodMonitor => "PodMonitor",
            Self::KafkaTopic => "KafkaTopic",
        }
    }
}

/// The Prometheus operator's PodMonitor.
#[must_use]
pub fn pod_monitor() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PodMonitor"))
}

/// Strimzi's KafkaTopic.
#[must_use]
pub fn kafka_topic(version: KafkaTopicVersion) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("kafka.strimzi.io", version.name(), "KafkaTopic"))
}
