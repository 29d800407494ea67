//! Log to table: poll → decode → write → track → commit.
//!
//! ```text
//!        poll            handler: decode, filter        write tasks, many at once
//! log ────────▶ events ──────────────────────────▶ batches ──────────────────▶ table
//!                │ tracker.begin                     │ write, retried while the table is unavailable
//!                │                                   └ or dead letter, retried likewise
//!       commit ◀─┴── store ◀── tracker.finish ◀── completed
//! ```
//!
//! # Guarantees
//! A record is done only when its row is acknowledged by the table, when its dead letter is acknowledged by the log, or
//! when the pipeline skips it. Offsets are committed up to the first record that is not done, of the current assignment
//! only. A slow table stops the flow of records, never the polling.

mod consumer_state;
mod record_handler;
pub mod row_decoder;
#[cfg(test)]
mod tests;
mod write_task;

use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, MissedTickBehavior};

use crate::delivery::dead_letter::{DeadLetterBuilder, ErrorPolicy, RecordError};
use crate::delivery::rate_cap::RateCap;
use crate::log::{Consumer, LogError, Producer};
use crate::observe::stats::Stats;
use crate::record::RecordRow;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Shutdown, ShutdownSignal};
use crate::table::Table;
use consumer_state::ConsumerState;
use record_handler::RecordHandler;
use write_task::{WriteContext, write_task};

/// Turns a record into a row.
pub trait Decode {
    /// Fills the cells and the write time of a row whose origin is set.
    ///
    /// # Errors
    /// When the record can never become a row.
    fn decode(&mut self, row: &mut RecordRow) -> Result<Decoded, RecordError>;
}

/// What a decoded record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// A row to write.
    Row,
    /// A record that the pipeline's filter excludes.
    Filtered,
}

/// The settings of a process loop.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// What to do with records that cannot be processed.
    pub error_policy: ErrorPolicy,
    /// Builds dead letters.
    pub dead_letters: DeadLetterBuilder,
    /// The fields of the partition key, when several rows can share one: their rows are written together.
    pub group_by: Vec<usize>,
    /// Write requests in flight, at most.
    pub max_in_flight: usize,
    /// Bytes of their records, at most.
    pub max_in_flight_bytes: usize,
    /// Latency beyond which the table counts as overloaded.
    pub latency_ceiling: Duration,
    /// The cap on the records that all processors of the pipeline read.
    pub rate_cap: Option<RateCap>,
    /// How often offsets are committed.
    pub commit_interval: Duration,
    /// How long writes in flight may take after a shutdown request.
    pub drain: Duration,
}

/// How often commits, pauses and progress are checked.
const TICK: Duration = Duration::from_millis(100);

/// Why a process loop failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The log cannot be read until the cluster or the pipeline changes.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record that cannot be processed, under `onError: Fail`.
    #[error("a record cannot be processed, and the pipeline says onError: Fail: {}", .0.source)]
    Record(RecordError),
}

/// Moves records from the log to the table.
pub struct ProcessLoop<'w, C, P, T, D> {
    /// The records.
    pub consumer: C,
    /// Appends dead letters.
    pub producer: &'w P,
    /// The rows.
    pub table: &'w T,
    /// Turns records into rows.
    pub decode: D,
    /// The settings.
    pub settings: ProcessSettings,
    /// The counters.
    pub stats: &'w Stats,
    /// The time of day.
    pub clock: Clock,
    /// Spreads retries.
    pub jitter: Jitter,
    /// Requests the end.
    pub shutdown: ShutdownSignal,
}

impl<C: Consumer, P: Producer, T: Table, D: Decode> ProcessLoop<'_, C, P, T, D> {
    /// Runs until a shutdown is requested, then finishes what is in flight, commits and leaves the group.
    ///
    /// Dropping the future at any point loses nothing: what was not committed is read again.
    ///
    /// # Errors
    /// When the loop failed. What could be committed was.
    pub async fn run(self) -> Result<(), ProcessError> {
        let Self { consumer, producer, table, decode, settings, stats, clock, mut jitter, mut shutdown } =
            self;
        let poll_backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), jitter.split());
        let context = WriteContext::new(producer, table, &settings, stats, &clock, jitter);
        let handler = RecordHandler::new(decode, &settings, stats);
        let mut state = ConsumerState::new(consumer, handler, stats, poll_backoff);
        let mut in_flight = FuturesUnordered::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

        loop {
            while in_flight.len() < context.limit()
                && let Some(batch) = state.handler.next_batch()
            {
                in_flight.push(write_task(batch, &context));
            }
            stats.table.in_flight.set(in_flight.len());
            stats.table.in_flight_limit.set(context.limit());
            let now = Instant::now();
            if state.is_drained(in_flight.is_empty(), now) {
                break;
            }
            let room = context.limit().saturating_sub(in_flight.len());
            let max = state.records_to_poll(room, now);
            tokio::select! {
                biased;
                // Before the ticks: while a commit takes longer than a tick, the next tick is always due.
                () = shutdown.requested(Shutdown::Now), if !state.is_draining() => {
                    state.drain_until(now + settings.drain);
                }
                Some(completed) = in_flight.next() => {
                    state.on_completed(completed);
                    // Replies arrive in bursts: all of them in one iteration.
                    while let Some(Some(completed)) = in_flight.next().now_or_never() {
                        state.on_completed(completed);
                    }
                }
                _ = ticks.tick() => {
                    let idle = in_flight.is_empty();
                    state.on_tick(&mut shutdown, idle, &settings).await;
                }
                polled = state.consumer.poll(&mut state.events, max), if max > 0 => {
                    state.on_poll(polled);
                }
            }
        }
        drop(in_flight);
        state.close().await
    }
}
