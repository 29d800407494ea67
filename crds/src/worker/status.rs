//! The status of a worker, served at `/status`: the contract between the worker and its observers.
//!
//! Times are milliseconds since the Unix epoch. An unknown value is null, never zero.

use serde::{Deserialize, Serialize};

/// The answer to `GET /status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// Whether the worker is ready.
    pub ready: bool,
    /// What the worker misses to be ready, as `part: reason`.
    pub missing: Vec<String>,
    /// Counters of a producer; zero in a processor.
    pub producer: ProducerStatus,
    /// Counters and progress of a processor; zero in a producer.
    pub processor: ProcessorStatus,
    /// Dead letters since the start that their topic accepted only truncated.
    #[serde(default)]
    pub truncated_dead_letters: u64,
    /// Dead letters that their topic refuses in every form, and that wait for it.
    #[serde(default)]
    pub refused_dead_letters: u64,
    /// Errors since the start, by place and cause.
    pub errors: Vec<ErrorCount>,
}

/// Counters of a producer since its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerStatus {
    /// Pages fetched.
    pub pages: u64,
    /// Raw records in them.
    pub read: u64,
    /// Records acknowledged by the topic.
    pub appended: u64,
    /// Dead letters acknowledged.
    pub dead_lettered: u64,
    /// Records dropped under `onError: Skip`.
    pub skipped: u64,
    /// Successful runs.
    pub runs: u64,
    /// Failed runs.
    pub failed_runs: u64,
    /// When a run last succeeded.
    pub last_success_time: Option<i64>,
}

/// Counters of a processor since its start, and its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorStatus {
    /// The assigned partitions. Null before the first assignment.
    pub partitions: Option<Vec<Partition>>,
    /// How many partitions the topic has, assigned or not. Null while unknown.
    #[serde(default)]
    pub topic_partitions: Option<u32>,
    /// Records of these partitions that are not committed. Null while unknown.
    pub lag: Option<i64>,
    /// Records read from the topic.
    pub read: u64,
    /// Records dropped by the filter.
    pub filtered: u64,
    /// Rows acknowledged by the table.
    pub written: u64,
    /// Retried write requests.
    pub retries: u64,
    /// Dead letters acknowledged.
    pub dead_lettered: u64,
    /// Records dropped under `onError: Skip`.
    pub skipped: u64,
    /// Records in the dead-letter topic.
    pub dead_letter_depth: Option<i64>,
    /// When the last row was acknowledged.
    pub last_row_time: Option<i64>,
    /// From a record's timestamp to its row's acknowledgement. Null when no row was written in the last minute.
    pub freshness: Option<Quantiles>,
    /// From a write's start to its acknowledgement. Null when no row was written in the last minute.
    pub write_latency: Option<Quantiles>,
}

/// An assigned partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// The offset of the next record to read.
    pub position: Option<i64>,
    /// The committed offset: every record below it is done.
    pub committed: Option<i64>,
    /// The offset of the next record that is appended.
    pub high_watermark: Option<i64>,
    /// Records that are not committed.
    pub lag: Option<i64>,
}

/// Two quantiles of a duration, over about the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// The median.
    pub p50_seconds: f64,
    /// The 99th percentile.
    pub p99_seconds: f64,
}

/// A kind of error and its count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// The part of the worker.
    pub place: String,
    /// The cause: a name from a fixed set.
    pub cause: String,
    /// The number of errors.
    pub count: u64,
}
