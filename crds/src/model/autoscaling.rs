//! How processors are scaled.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// How processors are scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaling {
    /// The fewest processors.
    pub min_replicas: NonZeroU32,
    /// The most processors, at least `min_replicas`; `None`: the partitions that the topic has.
    pub max_replicas: Option<NonZeroU32>,
    /// The lag of one processor, in records.
    pub lag_threshold: NonZeroU64,
    /// How long fewer processors must suffice before some are removed.
    pub cooldown: Duration,
}
