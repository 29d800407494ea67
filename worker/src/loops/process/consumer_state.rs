//! The consumer of the process loop: its commits, its pauses, and its end.

use std::time::Duration;

use tokio::time::Instant;

use super::record_handler::RecordHandler;
use super::write_task::Completed;
use super::{Decode, ProcessError, ProcessSettings};
use crate::delivery::tracker::CommitPoint;
use crate::log::{Commit, Consumer, Event, LogError};
use crate::observe::stats::Stats;
use crate::runtime::backoff::Backoff;
use crate::runtime::shutdown::{Shutdown, ShutdownSignal};

/// How long no record may be polled before the partitions are paused. A busy table does not cause it, because a pause
/// discards what was fetched ahead. It is far below the group's poll interval.
const STALL: Duration = Duration::from_secs(2);

/// The state of the loop, except the writes in flight.
pub(super) struct ConsumerState<'w, C, D> {
    pub(super) consumer: C,
    pub(super) handler: RecordHandler<'w, D>,
    stats: &'w Stats,
    pub(super) events: Vec<Event>,
    /// Waits between failed polls.
    poll_backoff: Backoff,
    /// The log is not polled before this.
    poll_after: Instant,
    last_poll: Instant,
    paused: bool,
    /// Something was stored since the last commit.
    dirty: bool,
    last_commit: Instant,
    /// When the loop ends, whether or not all writes have finished.
    deadline: Option<Instant>,
    failure: Option<ProcessError>,
}

impl<'w, C: Consumer, D: Decode> ConsumerState<'w, C, D> {
    pub(super) fn new(
        consumer: C,
        handler: RecordHandler<'w, D>,
        stats: &'w Stats,
        poll_backoff: Backoff,
    ) -> Self {
        let now = Instant::now();
        Self {
            consumer,
            handler,
            stats,
            events: Vec::new(),
            poll_backoff,
            poll_after: now,
            last_poll: now,
            paused: false,
            dirty: false,
            last_commit: now,
            deadline: None,
            failure: None,
        }
    }

    /// Whether the loop polls no more, and only finishes what is in flight.
    pub(super) fn is_draining(&self) -> bool {
        self.deadline.is_some()
    }

    /// Drains until this deadline. A deadline set earlier stays.
    pub(super) fn drain_until(&mut self, deadline: Instant) {
        self.deadline.get_or_insert(deadline);
    }

    /// Whether the loop ends now.
    pub(super) fn is_drained(&self, nothing_in_flight: bool, now: Instant) -> bool {
        self.deadline
            .is_some_and(|deadline| (nothing_in_flight && self.handler.is_empty()) || now >= deadline)
    }

    /// How many records to poll now. While paused, the log is polled for assignments only.
    pub(super) fn records_to_poll(&mut self, room: usize, now: Instant) -> usize {
        if self.is_draining() || now < self.poll_after {
            0
        } else if self.paused {
            1
        } else {
            self.handler.records_to_poll(room, self.consumer.partitions(), now)
        }
    }

    /// Handles the result of a poll and its events.
    pub(super) fn on_poll(&mut self, polled: Result<(), LogError>) {
        self.last_poll = Instant::now();
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match self.handler.handle(event) {
                Ok(Some(point)) => self.store(point),
                Ok(None) => {}
                Err(error) => self.fail(ProcessError::Record(error)),
            }
        }
        self.events = events;
        match polled {
            Ok(()) => self.poll_backoff.reset(),
            Err(error) => {
                self.log_error("read", &error);
                if error.is_retryable() {
                    self.poll_after = self.last_poll + self.poll_backoff.next_wait();
                } else {
                    self.fail(ProcessError::Log(error));
                }
            }
        }
    }

    /// Finishes the records of a completed batch.
    pub(super) fn on_completed(&mut self, completed: Completed) {
        match completed.outcome {
            Ok(()) => {
                for ticket in &completed.batch.tickets {
                    if let Some(point) = self.handler.finish(*ticket) {
                        self.store(point);
                    }
                }
            }
            Err(error) => self.fail(ProcessError::Record(error)),
        }
        self.handler.recycle(completed.batch, |buffer| self.consumer.recycle(buffer));
    }

    fn store(&mut self, point: CommitPoint) {
        self.consumer.store(point.partition, Commit::up_to(point.offset));
        self.dirty = true;
    }

    fn fail(&mut self, failure: ProcessError) {
        // The first failure is reported. The writes in flight may still finish.
        self.failure.get_or_insert(failure);
        self.drain_until(Instant::now() + STALL);
    }

    /// Commits, pauses, resumes and reports progress, as far as each is due.
    pub(super) async fn on_tick(
        &mut self,
        shutdown: &mut ShutdownSignal,
        nothing_in_flight: bool,
        settings: &ProcessSettings,
    ) {
        let now = Instant::now();
        let idle = nothing_in_flight && self.handler.is_empty();
        let ending = shutdown.current() == Shutdown::WhenCaughtUp && idle;
        if self.dirty && (ending || now.duration_since(self.last_commit) >= settings.commit_interval) {
            self.commit(now, shutdown).await;
        }
        self.stats.table.advance_windows(now);
        let progress = self.consumer.progress();
        if ending && !self.dirty && !progress.is_empty() && progress.iter().all(|one| one.lag() == Some(0)) {
            self.drain_until(now);
        }
        self.stats.table.topic_partitions.set_or_clear(self.consumer.partitions().map(i64::from));
        self.stats.table.set_progress((!progress.is_empty()).then_some(progress));
        if self.paused && idle {
            self.set_paused(false);
        } else if !self.paused && !self.is_draining() && now.duration_since(self.last_poll) >= STALL && !idle
        {
            self.set_paused(true);
        }
    }

    /// Commits. Stops waiting for the reply at a shutdown request, and at the deadline.
    async fn commit(&mut self, now: Instant, shutdown: &mut ShutdownSignal) {
        let (is_draining, deadline) = (self.is_draining(), self.deadline.unwrap_or(now + STALL));
        let committed = tokio::select! {
            biased;
            committed = self.consumer.commit() => committed,
            () = shutdown.requested(Shutdown::Now), if !is_draining => return,
            () = tokio::time::sleep_until(deadline), if is_draining => return,
        };
        // Counted from the end of the attempt. After a commit slower than the interval, the next one would be due at
        // once, and the log would never be polled, although only polling may make commits succeed again.
        self.last_commit = Instant::now();
        match committed {
            Ok(()) => {
                self.dirty = false;
                self.stats.table.commits.add(1);
            }
            Err(error) => self.log_error("commit", &error),
        }
    }

    fn set_paused(&mut self, paused: bool) {
        let switched = if paused { self.consumer.pause() } else { self.consumer.resume() };
        match switched {
            Ok(()) => {
                self.paused = paused;
                self.last_poll = Instant::now();
                let action = if paused { "paused" } else { "resumed" };
                tracing::info!(
                    "partitions {action}: the table is {}",
                    if paused { "too slow" } else { "idle" }
                );
            }
            Err(error) => self.log_error("pause", &error),
        }
    }

    fn log_error(&self, place: &'static str, error: &LogError) {
        self.stats.error(place, error.cause());
        tracing::warn!(place, cause = error.cause(), %error, "the log is unavailable");
    }

    /// Leaves the group. The last commit is part of it.
    pub(super) async fn close(self) -> Result<(), ProcessError> {
        self.stats.table.in_flight.set(0);
        if let Err(error) = self.consumer.close().await {
            self.stats.error("commit", error.cause());
            tracing::warn!(cause = error.cause(), %error, "the last commit failed: some records will be read again");
        }
        self.failure.map_or(Ok(()), Err)
    }
}
