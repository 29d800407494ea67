//! One run: producer and processor on one thread, with run limits, signals and progress.

use std::cell::Cell;

use userstream_crds::model::{Cadence, Pipeline, Source};
use userstream_worker::log::Producer;
use userstream_worker::loops::pipeline::{process_settings, produce_settings};
use userstream_worker::loops::process::row_decoder::RowDecoder;
use userstream_worker::loops::process::{ProcessError, ProcessLoop};
use userstream_worker::loops::produce::transformer::Transformer;
use userstream_worker::loops::produce::{ProduceError, ProduceLoop};
use userstream_worker::observe::health::Health;
use userstream_worker::observe::stats::Stats;
use userstream_worker::runtime::backoff::Jitter;
use userstream_worker::runtime::clock::Clock;
use userstream_worker::runtime::shutdown::{Shutdown, ShutdownHandle, ShutdownSignal, shutdown_channel};
use userstream_worker::source::{AnySource, from_pipeline};

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

/// Runs a pipeline whose topic and table are provisioned.
pub(super) async fn run<L: LogBackend, T: TableBackend>(
    pipeline: &Pipeline,
    settings: &Settings<'_>,
    log: &L,
    table: &T,
) -> Result<Summary, LocalError> {
    let progress = progress(settings);
    let mut jitter = Jitter::from_process();
    let run = Run {
        pipeline,
        settings,
        stats: Stats::default(),
        health: Health::default(),
        clock: Clock::system(),
        samples: Samples::new(pipeline, settings.started, progress == Progress::LiveView),
    };
    let (producer_shutdown, producer_signal) = shutdown_channel();
    let (processor_shutdown, processor_signal) = shutdown_channel();
    let log_producer = SampledProducer { producer: log.producer().await?, samples: &run.samples };
    let sampled_table = SampledTable { table: table.table().await?, samples: &run.samples };
    let producing = run.producing(&log_producer, &mut jitter, producer_signal.clone())?;
    let processor = ProcessLoop {
        consumer: log.consumer().await?,
        producer: &log_producer,
        table: &sampled_table,
        decode: RowDecoder::new(pipeline, run.clock.clone()),
        settings: process_settings(pipeline),
        stats: &run.stats,
        clock: run.clock.clone(),
        jitter,
        shutdown: processor_signal,
    };
    let loops = async {
        futures::join!(
            async {
                let produced = run.produce(producing, producer_signal).await;
                processor_shutdown.request(Shutdown::WhenCaughtUp);
                produced
            },
            async {
                let processed = processor.run().await;
                producer_shutdown.request(Shutdown::Now);
                processed
            }
        )
    };
    let (produced, processed) =
        run.supervise(progress, loops, &producer_shutdown, &processor_shutdown).await?;
    Ok(run.summary(produced, processed))
}

/// How to show progress: a live view needs a terminal, and JSON leaves standard output to the summary.
fn progress(settings: &Settings<'_>) -> Progress {
    match settings.output {
        OutputFormat::Json => Progress::ErrorLines,
        OutputFormat::Human if settings.terminal.is_interactive => Progress::LiveView,
        OutputFormat::Human => Progress::Lines,
    }
}

/// A producer and its schedule.
type ScheduledProducer<'r, P> = (ProduceLoop<'r, AnySource, P, Transformer>, Schedule);

/// What producer, processor and progress share.
struct Run<'a> {
    pipeline: &'a Pipeline,
    settings: &'a Settings<'a>,
    stats: Stats,
    health: Health,
    clock: Clock,
    samples: Samples,
}

impl Run<'_> {
    /// The producer and its schedule; `None` where the pipeline has no source.
    fn producing<'r, P: Producer>(
        &'r self,
        log: &'r P,
        jitter: &mut Jitter,
        stop: ShutdownSignal,
    ) -> Result<Option<ScheduledProducer<'r, P>>, LocalError> {
        let Some(source) = &self.pipeline.source else { return Ok(None) };
        let producing = ProduceLoop {
            source: from_pipeline(
                self.pipeline,
                self.settings.secrets,
                &self.settings.allowed,
                self.clock.clone(),
            )?,
            log,
            transform: Transformer::new(self.pipeline, jitter.split()),
            settings: produce_settings(self.pipeline, self.settings.limit != RunLimit::Once),
            stats: &self.stats,
            health: &self.health,
            clock: self.clock.clone(),
            jitter: jitter.split(),
            shutdown: stop,
        };
        Ok(Some((producing, schedule(source, self.settings.limit))))
    }

    /// Runs the producer on its schedule. Without a source, waits for the stop signal unless the run is limited to once.
    async fn produce<P: Producer>(
        &self,
        producing: Option<ScheduledProducer<'_, P>>,
        mut stop: ShutdownSignal,
    ) -> Result<(), ProduceError> {
        match producing {
            Some((mut producing, schedule)) => schedule.run(&mut producing).await,
            None if self.settings.limit == RunLimit::Once => Ok(()),
            None => {
                stop.requested(Shutdown::WhenCaughtUp).await;
                Ok(())
            }
        }
    }

    /// Drives the loops to their end, while it enforces the limits, receives signals and shows progress.
    async fn supervise<O>(
        &self,
        progress: Progress,
        loops: impl Future<Output = O>,
        producer: &ShutdownHandle,
        processor: &ShutdownHandle,
    ) -> Result<O, LocalError> {
        let draining = Cell::new(false);
        let run_limits = RunLimits {
            producer,
            processor,
            limit: self.settings.limit,
            has_source: self.pipeline.source.is_some(),
            rows: || self.stats.table.written.get(),
        };
        let reporter = ProgressReporter {
            pipeline: self.pipeline,
            stats: &self.stats,
            samples: &self.samples,
            started: self.settings.started,
            limit: self.settings.limit,
            draining: &draining,
        };
        let signals = Signals::default();
        tokio::select! {
            output = loops => Ok(output),
            () = run_limits.enforce(|| signals.next(), || draining.set(true)) => Err(LocalError::Aborted),
            () = signals.listen() => Err(LocalError::Aborted),
            () = reporter.show(progress, self.settings.terminal, self.settings.logging) => Err(LocalError::Aborted),
        }
    }

    fn summary(&self, produced: Result<(), ProduceError>, processed: Result<(), ProcessError>) -> Summary {
        let error = match (produced, processed) {
            // A failed processor stops the producer, so its error is the cause.
            (_, Err(error)) => Some(RunError::Processor(error)),
            (Err(error), Ok(())) => Some(RunError::Producer(error)),
            (Ok(()), Ok(())) => None,
        };
        Summary {
            pipeline: format!("{}/{}", self.pipeline.namespace, self.pipeline.name),
            table: format!("{}.{}", self.pipeline.keyspace.name, self.pipeline.table.name),
            elapsed: self.settings.started.elapsed(),
            first_row: self.samples.first_row(),
            metrics: Metrics::from_stats(&self.stats, self.pipeline.source.is_some()),
            error,
        }
    }
}

/// The schedule of a source under a limit.
fn schedule(source: &Source, limit: RunLimit) -> Schedule {
    match &source.cadence {
        _ if limit == RunLimit::Once => Schedule::Once,
        Cadence::Continuous { interval } => Schedule::Every(*interval),
        Cadence::Scheduled(schedule) => Schedule::Cron(schedule.cron.clone(), schedule.time_zone.clone()),
    }
}
