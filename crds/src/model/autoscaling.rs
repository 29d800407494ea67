//! How a pipeline is replayed and scaled.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// How processors are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaling {
    /// The fewest processors.
    pub min_replicas: NonZeroU32,
    /// The most processors, at least `min_replicas` and at most the topic's partitions.
    pub max_replicas: NonZeroU32,
    /// How many records of lag one processor is meant to have.
    pub lag_threshold: NonZeroU64,
    /// How long the lag must be low before processors are taken away.
    pub cooldown: Duration,
    /// The write latency above which no processor is added.
    pub sink_latency_ceiling: Duration,
}
