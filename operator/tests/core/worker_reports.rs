//! Reports of workers, for the tests of the pure layers and for the model checker.

use jiff::Timestamp;
use serde_json::{Value, json};
use userstream_operator::model::observed::WorkerReport;

/// The report of a worker with these partitions of a topic, and no lag.
pub(crate) fn report_of(
    partitions: impl IntoIterator<Item = i32>,
    topic_partitions: u32,
    now: Timestamp,
) -> WorkerReport {
    let partitions: Vec<Value> = partitions
        .into_iter()
        .map(|partition| json!({"partition": partition, "committed": 10, "highWatermark": 10, "lag": 0}))
        .collect();
    let status = serde_json::from_value(json!({
        "ready": true, "missing": [], "errors": [],
        "producer": {"pages": 1, "read": 1, "appended": 1, "deadLettered": 0, "skipped": 0, "runs": 1, "failedRuns": 0,
            "lastSuccessTime": now.as_millisecond()},
        "processor": {"partitions": partitions, "topicPartitions": topic_partitions, "lag": 0, "read": 10, "filtered": 0, "written": 10, "retries": 0,
            "deadLettered": 0, "skipped": 0, "deadLetterDepth": 0, "lastRowTime": now.as_millisecond(),
            "freshness": {"p50Seconds": 0.1, "p99Seconds": 0.5}, "writeLatency": {"p50Seconds": 0.001, "p99Seconds": 0.004}},
    }));
    WorkerReport::new(now, status.unwrap())
}
