//! One run: producer and processor on one thread, somebody who says when to stop, and somebody who looks on.

use std::cell::Cell;

use userstream_crds::model::{Cadence, Pipeline, Source};
use userstream_worker::loops::pipeline::{process_settings, produce_settings};
use userstream_worker::loops::process::ProcessLoop;
use userstream_worker::loops::process::row_decoder::RowDecoder;
use userstream_worker::loops::produce::ProduceLoop;
use userstream_worker::loops::produce::transformer::Transformer;
use userstream_worker::observe::health::Health;
use userstream_worker::observe::stats::Stats;
use userstream_worker::runtime::backoff::Jitter;
use userstream_worker::runtime::clock::Clock;
use userstream_worker::runtime::shutdown::{Shutdown, shutdown_channel};
use userstream_worker::source::from_pipeline;

use super::Settings;
use super::error::{LocalError, RunError};
use super::progress::{Progress, ProgressReporter};
use super::run_limits::{RunLimit, RunLimits};
use super::sampling::{SampledProducer, SampledTable, Samples};
use super::schedule::Schedule;
use super::signals::Signals;
use super::summary::Summary;
use crate::arguments::OutputFormat;
use crate::backend::{LogBackend, TableBackend};
use crate::terminal::Metrics;

/// Runs a pipeline whose topic and table are there.
pub(super) async fn run<L: LogBackend, T: TableBackend>(
    pipeline: &Pipeline,
    settings: &Settings<'_>,
    log: &L,
    table: &T,
) -> Result<Summary, LocalError> {
    let progress = match settings.output {
        OutputFormat::Json => Progress::ErrorLines,
        OutputFormat::Human if settings.terminal.is_interactive => Progress::LiveView,
        OutputFormat::Human => Progress::Lines,
    };
    let (stats, clock, mut jitter) = (Stats::default(), Clock::system(), Jitter::from_process());
    let health = Health::default();
    let samples = Samples::new(pipeline, settings.started, progress == Progress::LiveView);
    let (source_stopper, source_stop) = stop_channel();
    let (table_stopper, table_stop) = stop_channel();
    let log_producer = SampledProducer { producer: log.producer().await?, samples: &samples };
    let observed_table = SampledTable { table: table.table().await?, samples: &samples };
    let producer = match &pipeline.source {
        Some(source) => {
            let producing = ProduceLoop {
                source: from_pipeline(pipeline, settings.secrets, &settings.allowed, clock.clone())?,
                log: &log_producer,
                transform: Transformer::new(pipeline, jitter.split())?,
                settings: produce_settings(pipeline, settings.limit != RunLimit::Once),
                stats: &stats,
                health: &health,
                clock: clock.clone(),
                jitter: jitter.split(),
                shutdown: source_stop.clone(),
            };
            Some((producing, schedule(source, settings.limit)))
        }
        None => None,
    };
    let processor = ProcessLoop {
        consumer: log.consumer().await?,
        producer: &log_producer,
        table: &observed_table,
        decode: RowDecoder::new(pipeline, clock.clone())?,
        settings: process_settings(pipeline),
        stats: &stats,
        clock,
        jitter,
        shutdown: table_stop,
    };
    let producing = async {
        let produced = match producer {
            Some((mut producing, schedule)) => schedule.run(&mut producing).await,
            None if settings.limit == RunLimit::Once => Ok(()),
            None => {
                source_stop.clone().requested(Shutdown::WhenCaughtUp).await;
                Ok(())
            }
        };
        table_stopper.request(Shutdown::WhenCaughtUp);
        produced
    };
    let processing = async {
        let processed = processor.run().await;
        source_stopper.request(Shutdown::Now);
        processed
    };
    let ending = Cell::new(false);
    let run_limits = RunLimits {
        source: &source_stopper,
        table: &table_stopper,
        limit: settings.limit,
        has_source: pipeline.source.is_some(),
        rows: || stats.table.written.get(),
    };
    let reporter = ProgressReporter {
        pipeline,
        stats: &stats,
        samples: &samples,
        started: settings.started,
        limit: settings.limit,
        ending: &ending,
    };
    let signals = Signals::default();
    let (produced, processed) = tokio::select! {
        both = async { futures::join!(producing, processing) } => both,
        () = run_limits.enforce(|| signals.next(), || ending.set(true)) => return Err(LocalError::Aborted),
        () = signals.listen() => return Err(LocalError::Aborted),
        () = reporter.show(progress, settings.terminal, settings.logging) => return Err(LocalError::Aborted),
    };
    let error = match (produced, processed) {
        // What ended the table's half is what matters: the source's half was only told to stop.
        (_, Err(error)) => Some(RunError::Processor(error)),
        (Err(error), Ok(())) => Some(RunError::Producer(error)),
        (Ok(()), Ok(())) => None,
    };
    Ok(Summary {
        pipeline: format!("{}/{}", pipeline.namespace, pipeline.name),
        table: format!("{}.{}", pipeline.keyspace.name, pipeline.table.name),
        elapsed: settings.started.elapsed(),
        first_row: samples.first_row(),
        metrics: Metrics::from_stats(&stats, pipeline.source.is_some()),
        error,
    })
}

/// When a source runs: as the pipeline says, unless one run is all that is wanted.
fn schedule(source: &Source, limit: RunLimit) -> Schedule {
    match &source.cadence {
        _ if limit == RunLimit::Once => Schedule::Once,
        Cadence::Continuous { interval } => Schedule::Every(*interval),
        Cadence::Scheduled(schedule) => Schedule::Cron(schedule.cron.clone(), schedule.time_zone.clone()),
    }
}
