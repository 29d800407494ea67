//! Source to log: fetch → map → append → save the position.
//!
//! # Guarantees
//! A run succeeds only when the log has acknowledged every record of it, as a record or as a dead letter. The source's
//! position is saved after that, page by page, so that everything unacknowledged is fetched again.

#[cfg(test)]
mod tests;
pub mod transformer;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::delivery::dead_letter::{DeadLetterBuilder, ErrorPolicy, RecordError, Stage};
use crate::delivery::monotonic_timestamps::MonotonicTimestamps;
use crate::log::{AppendError, LogError, Producer, Rejection};
use crate::loops::dead_letters::append_dead_letters;
use crate::observe::health::{Health, Part};
use crate::observe::stats::Stats;
use crate::record::Record;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Shutdown, ShutdownSignal};
use crate::source::{Page, Source, SourceError};

/// Turns a source's raw record into a record of the topic.
pub trait Transform {
    /// Maps, encodes, and adds key and headers.
    ///
    /// # Errors
    /// When the raw record does not map.
    fn transform(&mut self, raw: &[u8], fetched_at: i64) -> Result<Record, RecordError>;
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
    /// Runs repeatedly: each run starts `interval` after the start of the previous one, or at once if that took longer. A
    /// failed run is repeated at the next interval.
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
                self.health.present(Part::Log);
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
                self.health.missing(Part::Source, format!("the last run failed ({})", error.cause()));
            }
            ProduceError::Log(error) => {
                self.stats.error("log", error.cause());
                self.report_unavailable_log(error);
            }
            ProduceError::DeadLetters(_) => self.stats.error("log", "timed_out"),
            ProduceError::Record(_) => {}
        }
    }

    fn report_unavailable_log(&self, error: &LogError) {
        self.health.missing(Part::Log, format!("it could not be used ({})", error.cause()));
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
            self.health.present(Part::Source);
            let Some(page) = page else { return Ok(Run::Complete) };
            self.append_page(&page, &mut timestamps).await?;
            if self.shutdown.current() >= Shutdown::WhenCaughtUp {
                return Ok(Run::Stopped);
            }
        }
    }

    async fn append_page(
        &mut self,
        page: &Page,
        timestamps: &mut MonotonicTimestamps,
    ) -> Result<(), ProduceError> {
        let stats = &self.stats.source;
        stats.pages.add(1);
        stats.bytes.add(page.body.len() as u64);
        stats.read.add(page.records().len() as u64);
        timestamps.begin_page(page.fetched_at);
        let raws: Vec<&[u8]> = page.records().collect();
        for raws in raws.chunks(self.settings.batch.max(1)) {
            self.append_raws(raws, page.fetched_at, timestamps).await?;
        }
        if let Some(position) = &page.position {
            let mut backoff = self.backoff();
            let deadline = self.deadline();
            while let Err(error) = self.log.save_position(position).await {
                self.wait_or_give_up(error, "position", &mut backoff, deadline).await?;
            }
            self.health.present(Part::Log);
        }
        Ok(())
    }

    async fn append_raws(
        &mut self,
        raws: &[&[u8]],
        fetched_at: i64,
        timestamps: &mut MonotonicTimestamps,
    ) -> Result<(), ProduceError> {
        let mut records = Vec::with_capacity(raws.len());
        // The raw record of each record: if the log rejects the record, it becomes the dead letter.
        let mut origins = Vec::with_capacity(raws.len());
        let mut letters = Vec::new();
        for raw in raws {
            match self.transform.transform(raw, fetched_at) {
                Ok(mut record) => {
                    timestamps.assign(&mut record);
                    records.push(record);
                    origins.push(*raw);
                }
                Err(error) => self.handle_error(raw, fetched_at, error, &mut letters)?,
            }
        }
        self.stats.source.mapped.add(records.len() as u64);
        let rejections = self.append(&records).await?;
        self.stats.source.appended.add((records.len() - rejections.len().min(records.len())) as u64);
        for Rejection { index, reason } in rejections {
            if let Some(raw) = origins.get(index) {
                let error = RecordError::new(Stage::Produce, "rejected_by_log", reason);
                self.handle_error(raw, fetched_at, error, &mut letters)?;
            }
        }
        self.append_letters(letters).await
    }

    async fn append_letters(&mut self, letters: Vec<Record>) -> Result<(), ProduceError> {
        let ErrorPolicy::DeadLetter { topic } = &self.settings.error_policy else { return Ok(()) };
        if letters.is_empty() {
            return Ok(());
        }
        let count = letters.len() as u64;
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5), self.jitter.split());
        let appended = append_dead_letters(self.log, topic, letters, self.stats, backoff);
        match self.settings.patience {
            None => appended.await,
            Some(patience) => {
                timeout(patience, appended).await.map_err(|_| ProduceError::DeadLetters(patience))?;
            }
        }
        self.stats.source.dead_lettered.add(count);
        Ok(())
    }

    /// Appends all records, and retries while the log is unavailable. Returns those that can never be appended.
    async fn append(&mut self, records: &[Record]) -> Result<Vec<Rejection>, ProduceError> {
        let mut backoff = self.backoff();
        let deadline = self.deadline();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        loop {
            let rejections = match self.log.append(&self.settings.topic, records).await {
                Ok(()) => Vec::new(),
                Err(AppendError::Rejected(rejections)) => rejections,
                Err(AppendError::Log(error)) => {
                    self.wait_or_give_up(error, "append", &mut backoff, deadline).await?;
                    continue;
                }
            };
            self.health.present(Part::Log);
            return Ok(rejections);
        }
    }

    /// Applies the error policy to a raw record.
    fn handle_error(
        &self,
        raw: &[u8],
        fetched_at: i64,
        error: RecordError,
        letters: &mut Vec<Record>,
    ) -> Result<(), ProduceError> {
        self.stats.error(error.stage.name(), error.cause);
        tracing::warn!(cause = error.cause, error = %error.source, "a record of the source cannot be appended");
        match self.settings.error_policy {
            ErrorPolicy::Fail => return Err(ProduceError::Record(error)),
            ErrorPolicy::Skip => self.stats.source.skipped.add(1),
            ErrorPolicy::DeadLetter { .. } => {
                letters.push(self.settings.dead_letters.of_raw(raw, fetched_at, &error));
            }
        }
        Ok(())
    }

    async fn wait_or_give_up(
        &self,
        error: LogError,
        place: &'static str,
        backoff: &mut Backoff,
        deadline: Option<Instant>,
    ) -> Result<(), LogError> {
        self.stats.error(place, error.cause());
        self.report_unavailable_log(&error);
        let wait = backoff.next_wait();
        let late = deadline.is_some_and(|deadline| Instant::now() + wait > deadline);
        if !error.is_retryable() || late {
            return Err(error);
        }
        tracing::warn!(place, cause = error.cause(), %error, ?wait, "the log is unavailable: retrying");
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.requested(Shutdown::Now) => Err(error),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    fn backoff(&mut self) -> Backoff {
        Backoff::new(Duration::from_millis(100), Duration::from_secs(5), self.jitter.split())
    }

    fn deadline(&self) -> Option<Instant> {
        self.settings.patience.map(|patience| Instant::now() + patience)
    }
}
