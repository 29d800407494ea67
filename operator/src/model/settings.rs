//! What the installation decides, not the pipelines: images, defaults, and which kinds the cluster has.

use ipnet::IpNet;
use k8s_openapi::api::core::v1::ResourceRequirements;

/// The operator's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The image of every worker. Whoever may create a pipeline may not thereby run any image, so it is not in the resource.
    pub worker_image: String,
    /// When the image is pulled.
    pub worker_image_pull_policy: PullPolicy,
    /// Private address ranges that sources may dial.
    pub allowed_private_ranges: Vec<IpNet>,
    /// What a worker's container gets when its pipeline does not say.
    pub worker_resources: ResourceRequirements,
    /// Whether a NetworkPolicy closes the workers' pods to everything but their status port.
    pub network_policies: bool,
    /// Which optional kinds the cluster has.
    pub kinds: OptionalKinds,
}

impl Settings {
    /// Workers of this image, and everything else at its default.
    #[must_use]
    pub fn with_worker_image(image: &str) -> Self {
        Self {
            worker_image: image.to_owned(),
            worker_image_pull_policy: PullPolicy::default(),
            allowed_private_ranges: Vec::new(),
            worker_resources: ResourceRequirements::default(),
            network_policies: false,
            kinds: OptionalKinds::default(),
        }
    }
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[clap(rename_all = "PascalCase")]
pub enum PullPolicy {
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// At every start.
    Always,
    /// Never.
    Never,
}

impl PullPolicy {
    /// The spelling of Kubernetes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// Kinds that other projects bring. Completion up when the operator starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalKinds {
    /// `monitoring.coreos.com/v1` PodMonitor.
    pub pod_monitor: bool,
    /// `kafka.strimzi.io` KafkaTopic, in its newest version.
    pub kafka_topic: Option<KafkaTopicVersion>,
}

/// The versions of Strimzi's KafkaTopic that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaTopicVersion {
    /// `v1beta2`.
    V1Beta2,
    /// `v1`.
    V1,
}

impl KafkaTopicVersion {
    /// The spelling in `apiVersion`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1Beta2 => "v1beta2",
            Self::V1 => "v1",
        }
    }
}
