//! From the validated pipeline to the settings of the loops.

use std::time::Duration;

use userstream_crds::model::{self, Pipeline};

use crate::delivery::dead_letter::Origin;
use crate::loops::process::{self, OnPoison, RateCap};
use crate::loops::produce;

/// Most write requests in flight: beyond this they only queue in the table (measured with Cassandra 5).
const MOST_IN_FLIGHT: usize = 128;
/// Most bytes of records held by them.
const MOST_BYTES_IN_FLIGHT: usize = 16 << 20;
/// Latency beyond which the table counts as overloaded, when the pipeline does not say.
const LATENCY_CEILING: Duration = Duration::from_millis(50);
/// How often offsets are committed.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// How long writes in flight may take after a stop. A pod has ten seconds from SIGTERM to SIGKILL at the shortest, and with
/// brokers that are away the last commit and leaving the group take two of them each.
const DRAIN: Duration = Duration::from_secs(5);
/// Records appended in one call: enough to fill batches, few enough to bound what is held.
const APPEND_BATCH: usize = 2_000;
/// How long the log may be away before a single run fails, so that a Job ends and is seen to have failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// The pipeline asks for something that the worker does not do yet: run without it, its rows would be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{field} is not done by this version yet, and without it the rows would be wrong: remove it to run the rest"
)]
pub struct NotDoneYet {
    /// The field that asks for it.
    pub field: &'static str,
}

/// Checks that everything the pipeline asks for is done.
///
/// # Errors
/// The first field that asks for something else.
pub fn check_all_is_done(pipeline: &Pipeline) -> Result<(), NotDoneYet> {
    let processor = &pipeline.processor;
    let asked = [
        (!processor.aggregations.is_empty(), "spec.processor.aggregations"),
        (processor.dedupe_within.is_some(), "spec.processor.dedupe"),
    ];
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, field)) => Err(NotDoneYet { field }),
        None => Ok(()),
    }
}

/// The settings of a pipeline's processors.
pub fn process_settings(pipeline: &Pipeline) -> process::Settings {
    let table = &pipeline.table;
    process::Settings {
        on_poison: on_poison(pipeline),
        origin: origin(pipeline),
        // Without a clustering key a partition is one row, and its versions need not be written together.
        group_by: if table.clustering_key.is_empty() {
            Vec::new()
        } else {
            table.partition_key.iter().filter_map(|column| Some(table.columns.get(*column)?.field)).collect()
        },
        most_in_flight: MOST_IN_FLIGHT,
        most_in_flight_bytes: MOST_BYTES_IN_FLIGHT,
        latency_ceiling: pipeline
            .autoscaling
            .as_ref()
            .map_or(LATENCY_CEILING, |autoscaling| autoscaling.sink_latency_ceiling),
        rate_cap: pipeline
            .processor
            .max_records_per_second
            .map(|cap| RateCap { per_second: cap.get(), partitions: pipeline.topic.partitions.get() }),
        commit_interval: COMMIT_INTERVAL,
        drain: DRAIN,
    }
}

/// The settings of a pipeline's producer. `forever`: it waits for the log however long that is away.
pub fn produce_settings(pipeline: &Pipeline, forever: bool) -> produce::Settings {
    produce::Settings {
        topic: pipeline.topic.name.as_str().to_owned(),
        on_poison: on_poison(pipeline),
        origin: origin(pipeline),
        batch: APPEND_BATCH,
        patience: (!forever).then_some(PATIENCE),
        drain: DRAIN,
    }
}

fn on_poison(pipeline: &Pipeline) -> OnPoison {
    match &pipeline.on_error {
        model::OnError::DeadLetter(topic) => OnPoison::DeadLetter { topic: topic.name.as_str().to_owned() },
        model::OnError::Skip => OnPoison::Skip,
        model::OnError::Fail => OnPoison::Fail,
    }
}

fn origin(pipeline: &Pipeline) -> Origin {
    Origin {
        topic: pipeline.topic.name.as_str().to_owned(),
        pipeline: format!("{}/{}", pipeline.namespace, pipeline.name),
    }
}
