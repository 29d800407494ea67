//! Where the loop stands: what it has read, stored and committed, whether it is paused, and when it has to end.

use std::time::Duration;

use tokio::time::Instant;

use super::batcher::Intake;
use super::write_task::Settled;
use super::{Decode, ProcessError, Settings};
use crate::delivery::tracker::CommitPoint;
use crate::log::{Commit, Consumer, Event, LogError};
use crate::observe::stats::Stats;
use crate::runtime::backoff::Backoff;
use crate::runtime::shutdown::{Stop, StopSignal};

/// How long the intake may stand still before the partitions are paused. Long enough that a busy table does not cause
/// it (a pause throws away what was fetched ahead), short beside the group's patience with a silent member.
const STALL: Duration = Duration::from_secs(2);

/// Everything of the loop but the work in flight.
pub(super) struct Position<'w, C, D> {
    pub(super) consumer: C,
    pub(super) intake: Intake<'w, D>,
    stats: &'w Stats,
    pub(super) events: Vec<Event>,
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
    pub(super) fn new(consumer: C, intake: Intake<'w, D>, stats: &'w Stats, reading: Backoff) -> Self {
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

    pub(super) fn is_ending(&self) -> bool {
        self.end_by.is_some()
    }

    pub(super) fn end_by(&mut self, deadline: Instant) {
        self.end_by.get_or_insert(deadline);
    }

    pub(super) fn is_over(&self, nothing_in_flight: bool, now: Instant) -> bool {
        self.end_by.is_some_and(|deadline| (nothing_in_flight && self.intake.is_empty()) || now >= deadline)
    }

    /// How many records to read now. Paused, the log is read for its assignments alone.
    pub(super) fn records_to_take(&mut self, room: usize, now: Instant) -> usize {
        if self.is_ending() || now < self.read_at {
            0
        } else if self.paused {
            1
        } else {
            self.intake.room_for_records(room, now)
        }
    }

    pub(super) fn polled(&mut self, polled: Result<(), LogError>) {
        self.last_read = Instant::now();
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match self.intake.take(event) {
                Ok(Some(done)) => self.store(done),
                Ok(None) => {}
                Err(poison) => self.fail(ProcessError::Poison(poison)),
            }
        }
        self.events = events;
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

    pub(super) fn settle(&mut self, settled: Settled) {
        match settled.outcome {
            Ok(()) => {
                for ticket in &settled.task.tickets {
                    if let Some(point) = self.intake.finish(*ticket) {
                        self.store(point);
                    }
                }
            }
            Err(poison) => self.fail(ProcessError::Poison(poison)),
        }
        self.intake.recycle(settled.task, |buffer| self.consumer.recycle(buffer));
    }

    fn store(&mut self, point: CommitPoint) {
        self.consumer.store(point.partition, Commit::up_to(point.offset));
        self.dirty = true;
    }

    fn fail(&mut self, failure: ProcessError) {
        // The first failure is the one to tell; what is in flight beside it may still finish.
        self.failure.get_or_insert(failure);
        self.end_by(Instant::now() + STALL);
    }

    /// Commits, pauses and resumes, and notes where the consumer stands.
    pub(super) async fn look_after(
        &mut self,
        stop: &mut StopSignal,
        nothing_in_flight: bool,
        settings: &Settings,
    ) {
        let now = Instant::now();
        let idle = nothing_in_flight && self.intake.is_empty();
        let ending = stop.current() == Stop::WhenCaughtUp && idle;
        if self.dirty && (ending || now.duration_since(self.last_commit) >= settings.commit_interval) {
            self.commit(now, stop).await;
        }
        self.stats.table.pass(now);
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

    /// Commits, but keeps nobody waiting for the reply who is told to end, nor past the time to end by.
    async fn commit(&mut self, now: Instant, stop: &mut StopSignal) {
        let (is_ending, deadline) = (self.is_ending(), self.end_by.unwrap_or(now + STALL));
        let committed = tokio::select! {
            biased;
            committed = self.consumer.commit() => committed,
            () = stop.reached(Stop::Now), if !is_ending => return,
            () = tokio::time::sleep_until(deadline), if is_ending => return,
        };
        // From the end of the attempt: one that takes longer than the interval would otherwise be followed by the next at
        // once, and the log would never be read, which alone may end what keeps commits from being answered.
        self.last_commit = Instant::now();
        match committed {
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

    pub(super) async fn close(self) -> Result<(), ProcessError> {
        self.stats.table.in_flight.set(0);
        if let Err(error) = self.consumer.close().await {
            self.stats.error("commit", error.cause());
            tracing::warn!(cause = error.cause(), %error, "the last commit failed; some records will be read again");
        }
        self.failure.map_or(Ok(()), Err)
    }
}
