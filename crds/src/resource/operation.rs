//! How a pipeline is run and looked after: replay, autoscaling, objectives, observability and the pod template.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::kubernetes::{Affinity, ResourceRequirements, Toleration};
use crate::rules;
use crate::scalar::duration::GoDuration;

/// Sends a part of the topic through the processor again, beside the running pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplaySpec {
    /// A new value starts a replay, once. Default: 0.
    pub nonce: i64,
    /// The RFC 3339 Kafka timestamp to begin at. Default: the oldest record that the topic still has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub from: Option<String>,
    /// The RFC 3339 Kafka timestamp to end before. Default: the end of the topic when the replay starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub to: Option<String>,
    /// How many records a second it reads at most. Default: 2000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_records_per_second: i32,
}

impl Default for ReplaySpec {
    fn default() -> Self {
        Self { nonce: 0, from: None, to: None, max_records_per_second: 2000 }
    }
}

/// Scales the processors with the lag. Held while the lag is unknown or the table is the bottleneck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalingSpec {
    /// Whether processors are scaled; `processor.replicas` is then not used. Default: false.
    pub enabled: bool,
    /// The fewest processors. Default: 1.
    #[schemars(range(min = 1, max = 10_000))]
    pub min_replicas: i32,
    /// The most processors, at most the topic's partitions. Default: the topic's partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_replicas: Option<i32>,
    /// How many records of lag one processor is meant to have. Default: 1000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub lag_threshold: i64,
    /// How long the lag must be low before processors are taken away. Default: 5m.
    pub cooldown: GoDuration,
    /// The 99th percentile of the table's write latency above which no processor is added. Default: 50ms.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub sink_latency_ceiling: GoDuration,
}

impl Default for AutoscalingSpec {
    fn default() -> Self {
        Self {
            enabled: false,
            min_replicas: 1,
            max_replicas: None,
            lag_threshold: 1000,
            cooldown: GoDuration::from_secs(300),
            sink_latency_ceiling: GoDuration::from_millis(50),
        }
    }
}

/// What the pipeline is meant to reach; reported as conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectivesSpec {
    /// How old a record may be, from its Kafka timestamp, when its row is written, for example 30s. Default: no objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub freshness: Option<GoDuration>,
}

/// How the pipeline is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservabilitySpec {
    /// How much the worker logs: error, warn, info, debug or trace. Default: info.
    pub log_level: LogLevel,
    /// Whether a PodMonitor is created for the Prometheus operator. Default: false.
    pub pod_monitor: bool,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed for good.
    Error,
    /// What failed and is tried again.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name of the level as `tracing` reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What is set on every pod of the pipeline. The image is the operator's to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    /// Requests and limits of the worker's container. Default: the operator's.
    pub resources: ResourceRequirements,
    /// Labels that a node must have. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated. Default: none.
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// Which nodes and neighbours are preferred or required. Default: none.
    pub affinity: Affinity,
    /// More labels for the pods. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// More annotations for the pods. Default: none.
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    /// The priority class of the pods. Default: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}
