//! Log to table: poll → decode → write → track → commit.
//!
//! ```text
//!        poll            intake: decode, filter            work, many at once
//! log ────────▶ events ──────────────────────────▶ tasks ──────────────────────▶ table
//!                │ tracker.begin                     │ write, retried while the table is away
//!                │                                   └ or dead letter, retried likewise
//!       commit ◀─┴── store ◀── tracker.finish ◀── settled
//! ```
//!
//! # Guarantees
//! A record counts as done only when its row is acknowledged by the table, or its dead letter by the log, or the
//! pipeline says to leave it out. Offsets are committed up to the first record that is not done, of the current
//! assignment only. A slow table stops the intake, never the polling.

mod intake;
mod work;

use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, MissedTickBehavior};

use crate::backoff::{Backoff, Jitter};
use crate::clock::Clock;
use crate::log::{Consumer, Event, LogError, Producer};
use crate::poison::{Origin, Poison};
use crate::row::Row;
use crate::stats::Stats;
use crate::stop::{Stop, StopSignal};
use crate::table::Table;
use crate::tracker::Watermark;
use intake::Intake;
pub(crate) use work::append_letters;
use work::{Context, Settled, work};

/// Turns a record into a row.
pub trait Decode {
    /// Fills the cells and the write time of a row whose origin is set.
    ///
    /// # Errors
    /// When the record can never become a row.
    fn decode(&mut self, row: &mut Row) -> Result<Verdict, Poison>;
}

/// What becomes of a record that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its row is to be written.
    Write,
    /// The pipeline's filter leaves it out.
    LeaveOut,
}

/// What becomes of poison records.
#[derive(Debug, Clone)]
pub enum OnPoison {
    /// They are appended to this topic, and done when that is acknowledged.
    DeadLetter {
        /// The dead-letter topic.
        topic: String,
    },
    /// They are counted and left out.
    Skip,
    /// The first one ends the loop.
    Fail,
}

/// How a processor works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What becomes of poison records.
    pub on_poison: OnPoison,
    /// What dead letters say of their origin.
    pub origin: Origin,
    /// Fields of the partition key, when several rows can share one: their rows are written together.
    pub group_by: Vec<usize>,
    /// Most write requests in flight.
    pub most_in_flight: usize,
    /// Most bytes of records held by them.
    pub most_in_flight_bytes: usize,
    /// Latency beyond which the table counts as overloaded.
    pub latency_ceiling: Duration,
    /// Records a second, at most.
    pub most_records_per_second: Option<u32>,
    /// How often offsets are committed.
    pub commit_interval: Duration,
    /// How long writes in flight may take to finish after a stop.
    pub drain: Duration,
}

/// How often the loop looks after what is not driven by events: commits, stalls, numbers.
const TICK: Duration = Duration::from_millis(100);
/// How long the intake may stand still before the partitions are paused. Long enough that a busy table does not cause
/// it (a pause throws away what was fetched ahead), short beside the group's patience with a silent member.
const STALL: Duration = Duration::from_secs(2);

/// Why a processor ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The log cannot be read and will not be until somebody changes something.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A poison record under `onError: Fail`.
    #[error("a record cannot be processed, and the pipeline says onError: Fail: {}", .0.error)]
    Poison(Poison),
}

/// The parts that a processor works with.
pub struct Processor<'w, C, P, T, D> {
    /// Where records come from.
    pub consumer: C,
    /// Where dead letters go.
    pub letters: &'w P,
    /// Where rows go.
    pub table: &'w T,
    /// Turns records into rows.
    pub decode: D,
    /// How to work.
    pub settings: Settings,
    /// What to count in.
    pub stats: &'w Stats,
    /// The time of day.
    pub clock: Clock,
    /// Spreads retries.
    pub jitter: Jitter,
    /// Says when to end.
    pub stop: StopSignal,
}

impl<C: Consumer, P: Producer, T: Table, D: Decode> Processor<'_, C, P, T, D> {
    /// Runs until told to stop, then finishes what is in flight, commits and leaves the group.
    ///
    /// Dropping the future at any point loses nothing: what was not committed is read again.
    ///
    /// # Errors
    /// When it had to end by itself; what could be committed was.
    pub async fn run(self) -> Result<(), ProcessError> {
        let Self { consumer, letters, table, decode, settings, stats, clock, mut jitter, mut stop } = self;
        let reading = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), jitter.split());
        let context = Context::new(letters, table, &settings, stats, &clock, jitter);
        let mut position = Position::new(consumer, Intake::new(decode, &settings, stats), stats, reading);
        let mut in_flight = FuturesUnordered::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            while in_flight.len() < context.limit()
                && let Some(task) = position.intake.next_task()
            {
                in_flight.push(work(task, &context));
            }
            stats.table.in_flight.set(in_flight.len());
            stats.table.in_flight_limit.set(context.limit());
            let now = Instant::now();
            if position.is_over(in_flight.is_empty(), now) {
                break;
            }
            let room = context.limit().saturating_sub(in_flight.len());
            let most = position.records_to_take(room, now);
            tokio::select! {
                biased;
                Some(settled) = in_flight.next() => {
                    position.settle(settled);
                    // Replies come in bunches: one round of the loop for all of them.
                    while let Some(Some(settled)) = in_flight.next().now_or_never() {
                        position.settle(settled);
                    }
                }
                _ = ticks.tick() => {
                    let idle = in_flight.is_empty();
                    position.look_after(stop.current(), idle, &settings).await;
                }
                () = stop.reached(Stop::Now), if !position.is_ending() => position.end_by(now + settings.drain),
                polled = position.consumer.poll(&mut position.events, most), if most > 0 => {
                    position.polled(polled);
                }
            }
        }
        drop(in_flight);
        position.close().await
    }
}

/// Where the loop stands: everything but the work in flight.
struct Position<'w, C, D> {
    consumer: C,
    intake: Intake<'w, D>,
    stats: &'w Stats,
    events: Vec<Event>,
    /// Waits between failed reads.
    reading: Backoff,
    /// Not before then is the log read again.
    read_at: Instant,
    last_read: Instant,
    paused: bool,
    /// Something was stored since the last commit.
    dirty: bool,
    last_commit: Instant,
    /// When to leave, finished or not.
    end_by: Option<Instant>,
    failure: Option<ProcessError>,
}

impl<'w, C: Consumer, D: Decode> Position<'w, C, D> {
    fn new(consumer: C, intake: Intake<'w, D>, stats: &'w Stats, reading: Backoff) -> Self {
        let now = Instant::now();
        Self {
            consumer,
            intake,
            stats,
            events: Vec::new(),
            reading,
            read_at: now,
            last_read: now,
            paused: false,
            dirty: false,
            last_commit: now,
            end_by: None,
            failure: None,
        }
    }

    fn is_ending(&self) -> bool {
        self.end_by.is_some()
    }

    fn end_by(&mut self, deadline: Instant) {
        self.end_by.get_or_insert(deadline);
    }

    fn is_over(&self, nothing_in_flight: bool, now: Instant) -> bool {
        self.end_by.is_some_and(|deadline| (nothing_in_flight && self.intake.is_empty()) || now >= deadline)
    }

    /// How many records to read now. Paused, the log is read for its assignments alone.
    fn records_to_take(&mut self, room: usize, now: Instant) -> usize {
        if self.is_ending() || now < self.read_at {
            0
        } else if self.paused {
            1
        } else {
            self.intake.room_for_records(room, now)
        }
    }

    fn polled(&mut self, polled: Result<(), LogError>) {
        self.last_read = Instant::now();
        for event in std::mem::take(&mut self.events) {
            match self.intake.take(event) {
                Ok(Some(done)) => self.store(done),
                Ok(None) => {}
                Err(poison) => self.fail(ProcessError::Poison(poison)),
            }
        }
        match polled {
            Ok(()) => self.reading.reset(),
            Err(error) => {
                self.note("read", &error);
                if error.is_retryable() {
                    self.read_at = self.last_read + self.reading.next_wait();
                } else {
                    self.fail(ProcessError::Log(error));
                }
            }
        }
    }

    fn settle(&mut self, settled: Settled) {
        match settled.outcome {
            Ok(()) => {
                for ticket in &settled.task.tickets {
                    if let Some(watermark) = self.intake.finish(*ticket) {
                        self.store(watermark);
                    }
                }
            }
            Err(poison) => self.fail(ProcessError::Poison(poison)),
        }
        self.intake.recycle(settled.task, |buffer| self.consumer.recycle(buffer));
    }

    fn store(&mut self, watermark: Watermark) {
        self.consumer.store(watermark.partition, watermark.offset);
        self.dirty = true;
    }

    fn fail(&mut self, failure: ProcessError) {
        // The first failure is the one to tell; what is in flight beside it may still finish.
        self.failure.get_or_insert(failure);
        self.end_by(Instant::now() + STALL);
    }

    /// Commits, pauses and resumes, and notes where the consumer stands.
    async fn look_after(&mut self, stop: Stop, nothing_in_flight: bool, settings: &Settings) {
        let now = Instant::now();
        let idle = nothing_in_flight && self.intake.is_empty();
        let ending = stop == Stop::WhenCaughtUp && idle;
        if self.dirty && (ending || now.duration_since(self.last_commit) >= settings.commit_interval) {
            self.commit(now).await;
        }
        let progress = self.consumer.progress();
        if ending && !self.dirty && !progress.is_empty() && progress.iter().all(|one| one.lag() == Some(0)) {
            self.end_by(now);
        }
        self.stats.table.set_progress((!progress.is_empty()).then_some(progress));
        if self.paused && idle {
            self.switch(false);
        } else if !self.paused && !self.is_ending() && now.duration_since(self.last_read) >= STALL && !idle {
            self.switch(true);
        }
    }

    async fn commit(&mut self, now: Instant) {
        self.last_commit = now;
        match self.consumer.commit().await {
            Ok(()) => {
                self.dirty = false;
                self.stats.table.commits.add(1);
            }
            Err(error) => self.note("commit", &error),
        }
    }

    fn switch(&mut self, pause: bool) {
        let switched = if pause { self.consumer.pause() } else { self.consumer.resume() };
        match switched {
            Ok(()) => {
                self.paused = pause;
                self.last_read = Instant::now();
                tracing::info!(paused = pause, "the table's pace paused or resumed the partitions");
            }
            Err(error) => self.note("pause", &error),
        }
    }

    fn note(&self, place: &'static str, error: &LogError) {
        self.stats.error(place, error.cause());
        tracing::warn!(place, cause = error.cause(), %error, "the log could not be used");
    }

    async fn close(self) -> Result<(), ProcessError> {
        self.stats.table.in_flight.set(0);
        if let Err(error) = self.consumer.close().await {
            self.stats.error("commit", error.cause());
            tracing::warn!(cause = error.cause(), %error, "the last commit failed; some records will be read again");
        }
        self.failure.map_or(Ok(()), Err)
    }
}
