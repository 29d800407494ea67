//! `spec.autoscaling`: the number of processors follows their lag.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;
use crate::scalar::duration::GoDuration;

/// Scales the processors with their lag. The number is kept while the lag is unknown, and not raised while the table is
/// the bottleneck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalingSpec {
    /// Whether the operator scales the processors. `processor.replicas` is not used then. Default: false.
    pub enabled: bool,
    /// The fewest processors. Default: 1.
    #[schemars(range(min = 1, max = 10_000))]
    pub min_replicas: i32,
    /// The most processors, at most the topic's partitions. Default: the topic's partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_replicas: Option<i32>,
    /// The lag of one processor, in records: the operator aims at one processor for each `lagThreshold` of the lag.
    /// Default: 1000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub lag_threshold: i64,
    /// How long fewer processors must suffice before some are removed. Default: 5m.
    pub cooldown: GoDuration,
    /// The write latency above which the table counts as overloaded. A processor then has fewer writes in flight, with
    /// or without autoscaling. No processor is added while the 99th percentile is above it. Default: 50ms.
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
