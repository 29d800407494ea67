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

mod batcher;
mod consumer_state;
pub mod row_decoder;
mod write_task;

use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, MissedTickBehavior};

use crate::delivery::dead_letter::{Origin, Poison};
use crate::log::{Consumer, LogError, Producer};
use crate::observe::stats::Stats;
use crate::record::RecordRow;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::runtime::shutdown::{Stop, StopSignal};
use crate::table::Table;
use batcher::Intake;
use consumer_state::Position;
pub(crate) use write_task::append_letters;
use write_task::{Context, work};

/// Turns a record into a row.
pub trait Decode {
    /// Fills the cells and the write time of a row whose origin is set.
    ///
    /// # Errors
    /// When the record can never become a row.
    fn decode(&mut self, row: &mut RecordRow) -> Result<Verdict, Poison>;
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
    /// How many records all processors of the pipeline read together, at most.
    pub rate_cap: Option<RateCap>,
    /// How often offsets are committed.
    pub commit_interval: Duration,
    /// How long writes in flight may take to finish after a stop.
    pub drain: Duration,
}

/// A cap on the records that all processors of a pipeline read. A processor knows of no other, but how many partitions it
/// has of all there are: its share of the records is its share of those, however many processors come and go.
#[derive(Debug, Clone, Copy)]
pub struct RateCap {
    /// Records a second.
    pub per_second: u32,
    /// How many partitions the topic has.
    pub partitions: u32,
}

impl RateCap {
    /// The records a second of a processor with so many partitions.
    fn share(self, assigned: usize) -> f64 {
        let assigned = u32::try_from(assigned).unwrap_or(u32::MAX).min(self.partitions);
        f64::from(self.per_second) * f64::from(assigned) / f64::from(self.partitions.max(1))
    }
}

/// How often the loop looks after what is not driven by events: commits, stalls, numbers.
const TICK: Duration = Duration::from_millis(100);

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
        let reading = Backoff::new(Duration::from_millis(100), Duration::from_secs(1), jitter.split());
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
                // Before the ticks: a commit that nobody answers takes longer than a tick, so that the next is always due.
                () = stop.reached(Stop::Now), if !position.is_ending() => position.end_by(now + settings.drain),
                Some(settled) = in_flight.next() => {
                    position.settle(settled);
                    // Replies come in bunches: one round of the loop for all of them.
                    while let Some(Some(settled)) = in_flight.next().now_or_never() {
                        position.settle(settled);
                    }
                }
                _ = ticks.tick() => {
                    let idle = in_flight.is_empty();
                    position.look_after(&mut stop, idle, &settings).await;
                }
                polled = position.consumer.poll(&mut position.events, most), if most > 0 => {
                    position.polled(polled);
                }
            }
        }
        drop(in_flight);
        position.close().await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::log::{AppendError, Commit, Event, Progress, SourcePosition};
    use crate::record::{AsRow, LogRecord, Record};
    use crate::runtime::shutdown::stop_channel;
    use crate::table::WriteError;

    /// A log that hands out one record, and whose brokers are away from then on.
    #[derive(Default)]
    struct GoneAfterOneRecord {
        polls: Rc<Cell<usize>>,
    }

    impl Consumer for GoneAfterOneRecord {
        async fn poll(&mut self, events: &mut Vec<Event>, _most: usize) -> Result<(), LogError> {
            let polls = self.polls.replace(self.polls.get() + 1);
            if polls > 0 {
                return std::future::pending().await;
            }
            let record = Record::new(Vec::new(), Some(b"{}"), 0);
            events.push(Event::Assigned(vec![0.into()]));
            events.push(Event::Record(LogRecord { partition: 0, offset: 0, record }));
            Ok(())
        }

        fn store(&mut self, _partition: i32, _commit: Commit) {}

        async fn commit(&mut self) -> Result<(), LogError> {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Err(LogError::Unavailable { cause: "timed_out", source: "a commit took too long".into() })
        }

        fn pause(&mut self) -> Result<(), LogError> {
            Ok(())
        }

        fn resume(&mut self) -> Result<(), LogError> {
            Ok(())
        }

        fn progress(&self) -> Vec<Progress> {
            Vec::new()
        }

        async fn close(mut self) -> Result<(), LogError> {
            self.commit().await
        }
    }

    /// A dead-letter topic and a table that take everything.
    struct Willing;

    impl Producer for Willing {
        async fn append(&self, _topic: &str, _records: &[Record]) -> Result<(), AppendError> {
            Ok(())
        }

        async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
            Ok(None)
        }

        async fn save_position(&self, _position: &SourcePosition) -> Result<(), LogError> {
            Ok(())
        }
    }

    impl Table for Willing {
        async fn write(&self, _rows: &[impl AsRow]) -> Result<(), WriteError> {
            Ok(())
        }
    }

    impl Decode for Willing {
        fn decode(&mut self, _row: &mut RecordRow) -> Result<Verdict, Poison> {
            Ok(Verdict::LeaveOut)
        }
    }

    /// Runs a processor of a log whose brokers go away, and tells it to end after a minute. Returns how often it has polled
    /// and how long it took to end.
    async fn a_minute_without_brokers() -> (usize, Duration) {
        let (stopper, stop) = stop_channel();
        let stats = Stats::default();
        let consumer = GoneAfterOneRecord::default();
        let polls = Rc::clone(&consumer.polls);
        let processor = Processor {
            consumer,
            letters: &Willing,
            table: &Willing,
            decode: Willing,
            settings: Settings {
                on_poison: OnPoison::Fail,
                origin: Origin { topic: "users".to_owned(), pipeline: "demo/users".to_owned() },
                group_by: Vec::new(),
                most_in_flight: 1,
                most_in_flight_bytes: 1 << 20,
                latency_ceiling: Duration::from_millis(50),
                rate_cap: None,
                commit_interval: Duration::from_millis(300),
                drain: Duration::from_secs(1),
            },
            stats: &stats,
            clock: Clock::new(|| 0),
            jitter: Jitter::seeded(1),
            stop,
        };
        let told = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            stopper.stop(Stop::Now);
            std::future::pending::<()>().await;
        };
        let started = Instant::now();
        tokio::select! {
            ended = tokio::time::timeout(Duration::from_secs(600), processor.run()) => {
                assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
            }
            () = told => {}
        }
        let told_after = Duration::from_secs(60);
        assert!(started.elapsed() >= told_after, "it ended by itself after {:?}", started.elapsed());
        (polls.get(), started.elapsed() - told_after)
    }

    #[tokio::test(start_paused = true)]
    async fn a_processor_ends_when_it_is_told_to_although_no_commit_is_answered() {
        let (_, took) = a_minute_without_brokers().await;
        // The last commit, and no other is waited for.
        assert!(took <= Duration::from_secs(1 + 5), "{took:?}");
    }

    /// Rebalances are answered by polling, and rotated credentials noticed.
    #[tokio::test(start_paused = true)]
    async fn a_processor_polls_on_although_no_commit_is_answered() {
        let (polls, _) = a_minute_without_brokers().await;
        assert!(polls > 20, "it has polled {polls} times in a minute");
    }
}
