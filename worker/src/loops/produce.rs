//! Source to log: fetch → map → append → save the position.
//!
//! # Guarantees
//! A run succeeds only when the log has acknowledged every record of it, as a record or as a dead letter. The source's
//! position is saved after that, page by page, so that everything unacknowledged is fetched again.

mod append;
#[cfg(test)]
mod tests;
pub mod transformer;

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::dead_letter::{DeadLetterBuilder, ErrorPolicy, RecordError};
use crate::delivery::event_id::EventId;
use crate::delivery::monotonic_timestamps::MonotonicTimestamps;
use crate::log::{LogError, Producer};
use crate::observe::health::{Component, Health};
use crate::observe::stats::Stats;
use crate::record::Record;
use crate::runtime::backoff::Jitter;
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Shutdown, ShutdownSignal};
use crate::source::{Source, SourceError};

/// Turns a source's raw record into a record of the topic.
pub trait Transform {
    /// Maps, encodes, and adds key and headers, of which one is the event id.
    ///
    /// # Errors
    /// When the raw record does not map.
    fn transform(&mut self, raw: &[u8], fetched_at: i64, id: EventId) -> Result<Record, RecordError>;
}

/// The settings of a produce loop.
#[derive(Debug, Clone)]
pub struct ProduceSettings {
    /// The topic to append to.
    pub topic: String,
    /// What to do with records that cannot be processed.
    pub error_policy: ErrorPolicy,
    /// Builds dead letters.
    pub dead_letters: DeadLetterBuilder,
    /// Records of one append, at most.
    pub batch: usize,
    /// How long the log may be unavailable before a run fails. None: without a limit.
    pub patience: Option<Duration>,
    /// How long an append in flight may take after a shutdown request.
    pub drain: Duration,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The log could not be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The dead-letter topic was unavailable for the patience of the run.
    #[error("dead letters could not be appended for {} s", .0.as_secs())]
    DeadLetters(Duration),
    /// A record that cannot be processed, under `onError: Fail`.
    #[error("a record does not map, and the pipeline says onError: Fail: {}", .0.source)]
    Record(RecordError),
}

/// How a run ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The log has everything that the source had.
    Complete,
    /// A shutdown was requested before its end. Pages whose position was not saved are fetched again.
    Stopped,
}

/// Moves records from the source to the log.
pub struct ProduceLoop<'w, S, P, M> {
    /// The raw records.
    pub source: S,
    /// The records and the source's position.
    pub log: &'w P,
    /// Turns raw records into records.
    pub transform: M,
    /// The settings.
    pub settings: ProduceSettings,
    /// The counters.
    pub stats: &'w Stats,
    /// The parts that are missing.
    pub health: &'w Health,
    /// The time of day.
    pub clock: Clock,
    /// Spreads retries.
    pub jitter: Jitter,
    /// Requests the end.
    pub shutdown: ShutdownSignal,
}

impl<S: Source, P: Producer, M: Transform> ProduceLoop<'_, S, P, M> {
    /// Runs repeatedly: each run starts `interval` after the start of the previous one, or at once if that took longer.
    /// A failed run is repeated at the next interval.
    ///
    /// # Errors
    /// A record that cannot be processed, under `onError: Fail`. Any other failure is counted and logged.
    pub async fn run_continuously(&mut self, interval: Duration) -> Result<(), ProduceError> {
        loop {
            let started = Instant::now();
            match self.run_once().await {
                Ok(Run::Complete) => {}
                Ok(Run::Stopped) => return Ok(()),
                Err(error @ ProduceError::Record(_)) => return Err(error),
                Err(error) => tracing::warn!(%error, retry_in = ?interval, "a run failed"),
            }
            let mut shutdown = self.shutdown.clone();
            tokio::select! {
                biased;
                () = shutdown.requested(Shutdown::WhenCaughtUp) => return Ok(()),
                () = tokio::time::sleep_until(started + interval) => {}
            }
        }
    }

    /// One run: from the saved position to the end of the source, or to the end of the run's share of pages.
    ///
    /// # Errors
    /// When a record may not be in the log. The position is saved up to the last complete page.
    pub async fn run_once(&mut self) -> Result<Run, ProduceError> {
        let (mut shutdown, drain) = (self.shutdown.clone(), self.settings.drain);
        let out_of_time = async {
            shutdown.requested(Shutdown::Now).await;
            tokio::time::sleep(drain).await;
        };
        let run = tokio::select! {
            biased;
            run = self.run() => run,
            // Unreachable brokers do not delay the shutdown further: what was not saved is fetched again.
            () = out_of_time => Ok(Run::Stopped),
        };
        match &run {
            Ok(Run::Complete) => {
                // A source without records never uses the log.
                self.health.set_ready(Component::Log);
                self.stats.source.runs.add(1);
                self.stats.source.last_success.set(self.clock.now());
            }
            Ok(Run::Stopped) => {}
            Err(error) => self.count_failure(error),
        }
        run
    }

    fn count_failure(&self, error: &ProduceError) {
        self.stats.source.failed_runs.add(1);
        match error {
            ProduceError::Source(error) => {
                self.stats.error("source", error.cause());
                self.health
                    .set_unready(Component::Source, format!("the last run failed ({})", error.cause()));
            }
            ProduceError::Log(error) => {
                self.stats.error("log", error.cause());
                self.report_unavailable_log(error);
            }
            ProduceError::DeadLetters(_) => self.stats.error("log", "timed_out"),
            ProduceError::Record(_) => {}
        }
    }

    async fn run(&mut self) -> Result<Run, ProduceError> {
        let position = self.log.load_position().await?;
        self.source.begin(position.as_ref())?;
        let mut shutdown = self.shutdown.clone();
        let mut timestamps = MonotonicTimestamps::default();
        loop {
            let page = tokio::select! {
                biased;
                // A fetch has no effect that must be finished.
                () = shutdown.requested(Shutdown::Now) => return Ok(Run::Stopped),
                page = self.source.fetch() => page?,
            };
            self.health.set_ready(Component::Source);
            let Some(page) = page else { return Ok(Run::Complete) };
            if page.restarted {
                self.stats.error("source", "position");
            }
            self.append_page(&page, &mut timestamps).await?;
            if self.shutdown.current() >= Shutdown::WhenCaughtUp {
                return Ok(Run::Stopped);
            }
        }
    }
}
