//! Source to log: fetch → map → append → save the position.
//!
//! # Guarantees
//! A run is successful only when every record of it is acknowledged by the log, as a record or as a dead letter. The
//! source's position is saved only after that, page by page, so that whatever is lost on the way is fetched again.

#[cfg(test)]
mod tests;
pub mod transformer;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::delivery::dead_letter::{Origin, Poison, Stage};
use crate::delivery::monotonic_timestamps::Succession;
use crate::log::{AppendError, LogError, Producer, Rejection};
use crate::loops::process::{OnPoison, append_letters};
use crate::observe::health::{Health, Part};
use crate::observe::stats::Stats;
use crate::record::Record;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Stop, StopSignal};
use crate::source::{Page, Source, SourceError};

/// Turns a source's raw record into a record of the topic.
pub trait Transform {
    /// Maps, encodes, and adds key and headers.
    ///
    /// # Errors
    /// When the raw record does not map.
    fn transform(&mut self, raw: &[u8], fetched_at: i64) -> Result<Record, Poison>;
}

/// How a producer works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The topic to append to.
    pub topic: String,
    /// What becomes of poison records.
    pub on_poison: OnPoison,
    /// What dead letters say of their origin.
    pub origin: Origin,
    /// Records appended in one call, at most.
    pub batch: usize,
    /// How long the log may be away before a run fails. None: for ever.
    pub patience: Option<Duration>,
    /// How long what is being appended may take to finish after a stop.
    pub drain: Duration,
}

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The log could not be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The dead-letter topic took nothing for as long as a run has patience.
    #[error("dead letters could not be appended for {} s", .0.as_secs())]
    DeadLetters(Duration),
    /// A poison record under `onError: Fail`.
    #[error("a record does not map, and the pipeline says onError: Fail: {}", .0.error)]
    Poison(Poison),
}

/// How a run ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Everything the source had to give is in the log.
    Complete,
    /// It was told to stop before its end. What it had fetched and not saved the position of is fetched again.
    Stopped,
}

/// The parts that a producer works with.
pub struct Producing<'w, S, P, M> {
    /// Where raw records come from.
    pub source: S,
    /// Where records and positions go.
    pub log: &'w P,
    /// Turns raw records into records.
    pub transform: M,
    /// How to work.
    pub settings: Settings,
    /// What to count in.
    pub stats: &'w Stats,
    /// Where to say what is missing.
    pub health: &'w Health,
    /// The time of day.
    pub clock: Clock,
    /// Spreads retries.
    pub jitter: Jitter,
    /// Says when to end.
    pub stop: StopSignal,
}

impl<S: Source, P: Producer, M: Transform> Producing<'_, S, P, M> {
    /// Runs again and again, each run starting `interval` after the start of the one before, or at once when that
    /// took longer. A failed run is tried again at the next interval.
    ///
    /// # Errors
    /// A poison record under `onError: Fail`. Anything else is counted, logged and tried again.
    pub async fn run_continuously(&mut self, interval: Duration) -> Result<(), ProduceError> {
        loop {
            let started = Instant::now();
            match self.run_once().await {
                Ok(Run::Complete) => {}
                Ok(Run::Stopped) => return Ok(()),
                Err(error @ ProduceError::Poison(_)) => return Err(error),
                Err(error) => tracing::warn!(%error, retry_in = ?interval, "a run failed"),
            }
            let mut stop = self.stop.clone();
            tokio::select! {
                biased;
                () = stop.reached(Stop::WhenCaughtUp) => return Ok(()),
                () = tokio::time::sleep_until(started + interval) => {}
            }
        }
    }

    /// One run: from the saved position until the source ends or the run has had its share of pages.
    ///
    /// # Errors
    /// When some record is not known to be in the log. The position is saved up to the last complete page.
    pub async fn run_once(&mut self) -> Result<Run, ProduceError> {
        let (mut stop, drain) = (self.stop.clone(), self.settings.drain);
        let out_of_time = async {
            stop.reached(Stop::Now).await;
            tokio::time::sleep(drain).await;
        };
        let run = tokio::select! {
            biased;
            run = self.run() => run,
            // Brokers that do not answer keep nobody from ending: whatever is not saved by then is fetched again.
            () = out_of_time => Ok(Run::Stopped),
        };
        match &run {
            Ok(Run::Complete) => {
                // A source that has nothing to give never gets as far as the log.
                self.health.present(Part::Log);
                self.stats.source.runs.add(1);
                self.stats.source.last_success.set(self.clock.now());
            }
            Ok(Run::Stopped) => {}
            Err(error) => self.note_failure(error),
        }
        run
    }

    fn note_failure(&self, error: &ProduceError) {
        self.stats.source.failed_runs.add(1);
        match error {
            ProduceError::Source(error) => {
                self.stats.error("source", error.cause());
                self.health.missing(Part::Source, format!("the last run failed ({})", error.cause()));
            }
            ProduceError::Log(error) => {
                self.stats.error("log", error.cause());
                self.log_is_missing(error);
            }
            ProduceError::DeadLetters(_) => self.stats.error("log", "timed_out"),
            ProduceError::Poison(_) => {}
        }
    }

    fn log_is_missing(&self, error: &LogError) {
        self.health.missing(Part::Log, format!("it could not be used ({})", error.cause()));
    }

    async fn run(&mut self) -> Result<Run, ProduceError> {
        let position = self.log.load_position().await?;
        self.source.begin(position.as_ref())?;
        let mut stop = self.stop.clone();
        let mut succession = Succession::default();
        loop {
            let page = tokio::select! {
                biased;
                // A fetch has no effect that must be finished.
                () = stop.reached(Stop::Now) => return Ok(Run::Stopped),
                page = self.source.fetch() => page?,
            };
            self.health.present(Part::Source);
            let Some(page) = page else { return Ok(Run::Complete) };
            self.append_page(&page, &mut succession).await?;
            if self.stop.current() >= Stop::WhenCaughtUp {
                return Ok(Run::Stopped);
            }
        }
    }

    async fn append_page(&mut self, page: &Page, succession: &mut Succession) -> Result<(), ProduceError> {
        let stats = &self.stats.source;
        stats.pages.add(1);
        stats.bytes.add(page.body.len() as u64);
        stats.read.add(page.records().len() as u64);
        succession.begin_page(page.fetched_at);
        let raws: Vec<&[u8]> = page.records().collect();
        for raws in raws.chunks(self.settings.batch.max(1)) {
            self.append_raws(raws, page.fetched_at, succession).await?;
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
        succession: &mut Succession,
    ) -> Result<(), ProduceError> {
        let mut records = Vec::with_capacity(raws.len());
        // Which raw record each record came from: a record that is rejected later becomes a dead letter of it.
        let mut origins = Vec::with_capacity(raws.len());
        let mut letters = Vec::new();
        for raw in raws {
            match self.transform.transform(raw, fetched_at) {
                Ok(mut record) => {
                    succession.order(&mut record);
                    records.push(record);
                    origins.push(*raw);
                }
                Err(poison) => self.poison(raw, fetched_at, poison, &mut letters)?,
            }
        }
        self.stats.source.mapped.add(records.len() as u64);
        let rejections = self.append(&records).await?;
        self.stats.source.appended.add((records.len() - rejections.len().min(records.len())) as u64);
        for Rejection { index, reason } in rejections {
            if let Some(raw) = origins.get(index) {
                let poison = Poison::new(Stage::Produce, "rejected_by_log", reason);
                self.poison(raw, fetched_at, poison, &mut letters)?;
            }
        }
        if let OnPoison::DeadLetter { topic } = &self.settings.on_poison
            && !letters.is_empty()
        {
            let count = letters.len() as u64;
            let backoff =
                Backoff::new(Duration::from_millis(50), Duration::from_secs(5), self.jitter.split());
            let appended = append_letters(self.log, topic, letters, self.stats, backoff);
            match self.settings.patience {
                None => appended.await,
                Some(patience) => {
                    timeout(patience, appended).await.map_err(|_| ProduceError::DeadLetters(patience))?;
                }
            }
            self.stats.source.dead_lettered.add(count);
        }
        Ok(())
    }

    /// Appends all records, again and again while the log is away. Returns those that can never be appended.
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

    fn poison(
        &self,
        raw: &[u8],
        fetched_at: i64,
        poison: Poison,
        letters: &mut Vec<Record>,
    ) -> Result<(), ProduceError> {
        self.stats.error(poison.stage.name(), poison.cause);
        tracing::warn!(cause = poison.cause, error = %poison.error, "a source's record cannot become a record");
        match self.settings.on_poison {
            OnPoison::Fail => return Err(ProduceError::Poison(poison)),
            OnPoison::Skip => self.stats.source.skipped.add(1),
            OnPoison::DeadLetter { .. } => {
                letters.push(self.settings.origin.of_raw(raw, fetched_at, &poison));
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
        self.log_is_missing(&error);
        let wait = backoff.next_wait();
        let late = deadline.is_some_and(|deadline| Instant::now() + wait > deadline);
        if !error.is_retryable() || late {
            return Err(error);
        }
        tracing::warn!(place, cause = error.cause(), %error, ?wait, "the log could not be used");
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.reached(Stop::Now) => Err(error),
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
