//! How a pipeline is replayed and scaled.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use jiff::Timestamp;

/// The part of the topic that is sent through the processor again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// A new value starts a replay.
    pub nonce: i64,
    /// The Kafka timestamp to begin at; `None`: the oldest record.
    pub from: Option<Timestamp>,
    /// The Kafka timestamp to end before; `None`: the end when the replay starts.
    pub to: Option<Timestamp>,
    /// How many records a second it reads at most.
    pub max_records_per_second: NonZeroU32,
}

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
