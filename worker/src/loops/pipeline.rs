//! From the validated pipeline to the settings of the loops.

use std::time::Duration;

use userstream_crds::model::{self, Pipeline};

use super::process::ProcessSettings;
use super::produce::ProduceSettings;
use crate::delivery::dead_letter::{DeadLetterBuilder, ErrorPolicy};
use crate::delivery::rate_cap::RateCap;

/// Write requests in flight, at most: further ones would only queue in the table (measured with Cassandra 5).
const MAX_IN_FLIGHT: usize = 128;
/// Bytes of records in flight, at most.
const MAX_IN_FLIGHT_BYTES: usize = 16 << 20;
/// How often offsets are committed.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How long writes in flight may take after a shutdown request. A pod has at least ten seconds from SIGTERM to SIGKILL.
/// While brokers are unreachable, the last commit and leaving the group take two of them each.
const DRAIN: Duration = Duration::from_secs(5);
/// Records of one append: enough to fill batches, few enough to bound memory.
const APPEND_BATCH: usize = 2_000;
/// How long the log may be unreachable before a single run fails, so that its Job fails visibly.
const RUN_PATIENCE: Duration = Duration::from_secs(300);

/// The settings of a pipeline's processors.
pub fn process_settings(pipeline: &Pipeline) -> ProcessSettings {
    let table = &pipeline.table;
    ProcessSettings {
        error_policy: error_policy(pipeline),
        dead_letters: dead_letters(pipeline),
        // Without a clustering key a partition is one row, and its versions need not be written together.
        group_by: if table.clustering_key.is_empty() {
            Vec::new()
        } else {
            table.partition_key.iter().filter_map(|column| Some(table.columns.get(*column)?.field)).collect()
        },
        max_in_flight: MAX_IN_FLIGHT,
        max_in_flight_bytes: MAX_IN_FLIGHT_BYTES,
        latency_ceiling: pipeline.processor.sink_latency_ceiling,
        rate_cap: pipeline.processor.max_records_per_second.map(|cap| RateCap {
            per_second: cap.get(),
            declared_partitions: pipeline.topic.partitions.get(),
        }),
        commit_interval: COMMIT_INTERVAL,
        drain: DRAIN,
    }
}

/// The settings of a pipeline's producer. `forever`: it waits for the log without a limit.
pub fn produce_settings(pipeline: &Pipeline, forever: bool) -> ProduceSettings {
    ProduceSettings {
        topic: pipeline.topic.name.as_str().to_owned(),
        error_policy: error_policy(pipeline),
        dead_letters: dead_letters(pipeline),
        batch: APPEND_BATCH,
        patience: (!forever).then_some(RUN_PATIENCE),
        drain: DRAIN,
    }
}

fn error_policy(pipeline: &Pipeline) -> ErrorPolicy {
    match &pipeline.on_error {
        model::OnError::DeadLetter(topic) => {
            ErrorPolicy::DeadLetter { topic: topic.name.as_str().to_owned() }
        }
        model::OnError::Skip => ErrorPolicy::Skip,
        model::OnError::Fail => ErrorPolicy::Fail,
    }
}

fn dead_letters(pipeline: &Pipeline) -> DeadLetterBuilder {
    DeadLetterBuilder {
        topic: pipeline.topic.name.as_str().to_owned(),
        pipeline: format!("{}/{}", pipeline.namespace, pipeline.name),
    }
}
