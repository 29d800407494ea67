//! What a worker tells of itself at `/status`: the contract between the worker and whoever watches it.
//!
//! Times are milliseconds since the Unix epoch. What is not known is null, never zero.

use serde::{Deserialize, Serialize};

/// The answer to `GET /status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// Whether nothing is missing for the worker to do its work.
    pub ready: bool,
    /// What is missing, as `part: reason`.
    pub missing: Vec<String>,
    /// The producing half; all zero in a processor.
    pub producer: ProducerStatus,
    /// The processing half; all zero in a producer.
    pub processor: ProcessorStatus,
    /// Faults since the start, by where they happened and why.
    pub errors: Vec<Fault>,
}

/// What the producer did since its start.
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
    /// Records left out under `onError: Skip`.
    pub skipped: u64,
    /// Runs that ended well.
    pub runs: u64,
    /// Runs that did not.
    pub failed_runs: u64,
    /// When the last run ended well.
    pub last_success_time: Option<i64>,
}

/// What the processor did since its start, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorStatus {
    /// The assigned partitions. Null before the first assignment.
    pub partitions: Option<Vec<Partition>>,
    /// Records not yet committed in all of them. Null while unknown.
    pub lag: Option<i64>,
    /// Records read from the topic.
    pub read: u64,
    /// Records left out by the filter.
    pub filtered: u64,
    /// Rows acknowledged by the table.
    pub written: u64,
    /// Write requests tried again.
    pub retries: u64,
    /// Dead letters acknowledged.
    pub dead_lettered: u64,
    /// Records left out under `onError: Skip`.
    pub skipped: u64,
    /// Records in the dead-letter topic.
    pub dead_letter_depth: Option<i64>,
    /// When the last row was acknowledged.
    pub last_row_time: Option<i64>,
    /// From a record's time to its row's acknowledgement. Null when there was none of late.
    pub freshness: Option<Quantiles>,
    /// From a write's start to its acknowledgement. Null when there was none of late.
    pub write_latency: Option<Quantiles>,
}

/// One assigned partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// The offset of the record to be read next.
    pub position: Option<i64>,
    /// Everything below this offset is committed.
    pub committed: Option<i64>,
    /// The offset the next record will get.
    pub high_watermark: Option<i64>,
    /// Records not yet committed.
    pub lag: Option<i64>,
}

/// Two quantiles of a duration, over about the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// Half are at most as long.
    pub p50_seconds: f64,
    /// Of a hundred, 99 are at most as long.
    pub p99_seconds: f64,
}

/// A kind of fault and how often it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where.
    pub place: String,
    /// Why: a name from a fixed set.
    pub cause: String,
    /// How often.
    pub count: u64,
}
