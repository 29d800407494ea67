//! The settings of the installation: images, defaults, and which optional kinds the cluster serves.

use ipnet::IpNet;
use k8s_openapi::api::core::v1::ResourceRequirements;

/// The operator's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The image of every worker. It is not in the resource: the right to create a pipeline must not be the right to
    /// run any image.
    pub worker_image: String,
    /// When nodes pull the image.
    pub worker_image_pull_policy: PullPolicy,
    /// Private address ranges that sources may dial.
    pub allowed_private_ranges: Vec<IpNet>,
    /// The resource requirements of a worker whose pipeline declares none.
    pub worker_resources: ResourceRequirements,
    /// Whether a NetworkPolicy limits ingress of the workers' pods to their status port.
    pub network_policies: bool,
    /// Which optional kinds the cluster serves.
    pub kinds: OptionalKinds,
}

impl Settings {
    /// The default settings with this worker image.
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

/// When nodes pull an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[clap(rename_all = "PascalCase")]
pub enum PullPolicy {
    /// When the node does not have the image.
    #[default]
    IfNotPresent,
    /// At every start.
    Always,
    /// Never.
    Never,
}

impl PullPolicy {
    /// The text in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// Kinds of other projects. The operator discovers them when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalKinds {
    /// `monitoring.coreos.com/v1` PodMonitor.
    pub pod_monitor: bool,
    /// `kafka.strimzi.io` KafkaTopic, in the newest version that the cluster serves.
    pub kafka_topic: Option<KafkaTopicVersion>,
}

/// The versions of Strimzi's KafkaTopic that the operator can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KafkaTopicVersion {
    /// `v1beta2`.
    V1Beta2,
    /// `v1`.
    V1,
}

impl KafkaTopicVersion {
    /// The text in `apiVersion`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1Beta2 => "v1beta2",
            Self::V1 => "v1",
        }
    }
}
