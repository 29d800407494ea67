//! What happens to one task, from its start until every record in it is done: written, or a dead letter.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

use super::batcher::Task;
use super::{OnPoison, Settings};
use crate::delivery::adaptive_concurrency::InFlightLimit;
use crate::delivery::dead_letter::{Poison, Stage};
use crate::log::{AppendError, Producer};
use crate::observe::stats::Stats;
use crate::record::Record;
use crate::record::RecordRow;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::table::{Table, WriteError};

/// What all tasks share.
pub(super) struct Context<'w, P, T> {
    letters: &'w P,
    table: &'w T,
    settings: &'w Settings,
    stats: &'w Stats,
    clock: &'w Clock,
    limit: RefCell<InFlightLimit>,
    jitter: RefCell<Jitter>,
}

/// A task that is done, or that may not be done under `onError: Fail`.
pub(super) struct Settled {
    pub(super) task: Task,
    pub(super) outcome: Result<(), Poison>,
}

impl<'w, P, T> Context<'w, P, T> {
    pub(super) fn new(
        letters: &'w P,
        table: &'w T,
        settings: &'w Settings,
        stats: &'w Stats,
        clock: &'w Clock,
        jitter: Jitter,
    ) -> Self {
        let limit = InFlightLimit::new(settings.most_in_flight, settings.latency_ceiling);
        Self {
            letters,
            table,
            settings,
            stats,
            clock,
            limit: RefCell::new(limit),
            jitter: RefCell::new(jitter),
        }
    }

    /// How many tasks may be in flight.
    pub(super) fn limit(&self) -> usize {
        self.limit.borrow().limit()
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(50), Duration::from_secs(5), self.jitter.borrow_mut().split())
    }
}

/// Does a task. Ends only when it is done or hopeless; while the table or the log is away, it waits and tries again.
pub(super) async fn work<P: Producer, T: Table>(mut task: Task, context: &Context<'_, P, T>) -> Settled {
    let outcome = match (task.poison.take(), task.rows.first()) {
        (Some(poison), Some(row)) => dead_letter(row, poison, context).await,
        _ => write(&task.rows, context).await,
    };
    Settled { task, outcome }
}

async fn write<P: Producer, T: Table>(rows: &[RecordRow], context: &Context<'_, P, T>) -> Result<(), Poison> {
    match write_or_reject(rows, context).await {
        Ok(()) => Ok(()),
        Err(rejection) => match rows {
            [row] => reject(row, rejection, context).await,
            // Only the guilty rows are rejected: the others are written without them.
            rows => {
                for row in rows {
                    if let Err(rejection) = write_or_reject(std::slice::from_ref(row), context).await {
                        reject(row, rejection, context).await?;
                    }
                }
                Ok(())
            }
        },
    }
}

/// Writes rows, however long the table is away.
async fn write_or_reject<P: Producer, T: Table>(
    rows: &[RecordRow],
    context: &Context<'_, P, T>,
) -> Result<(), Poison> {
    let stats = &context.stats.table;
    let mut backoff: Option<Backoff> = None;
    loop {
        let started = Instant::now();
        match context.table.write(rows).await {
            Ok(()) => {
                let latency = started.elapsed();
                context.limit.borrow_mut().answered(latency);
                stats.latency.record(latency);
                written(rows, context);
                return Ok(());
            }
            Err(WriteError::Rejected { cause, source }) => {
                return Err(Poison::new(Stage::Put, cause, source));
            }
            Err(error @ WriteError::Unavailable { .. }) => {
                context.limit.borrow_mut().overloaded();
                context.stats.error("table", error.cause());
                stats.retries.add(1);
                let wait = backoff.get_or_insert_with(|| context.backoff()).next_wait();
                tracing::debug!(cause = error.cause(), %error, ?wait, "a write failed for now");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn written<P, T>(rows: &[RecordRow], context: &Context<'_, P, T>) {
    let stats = &context.stats.table;
    let now = context.clock.now();
    stats.written.add(rows.len() as u64);
    stats.requests.add(1);
    stats.last_row.set(now);
    for row in rows {
        let age = u64::try_from(now.saturating_sub(row.origin.record.timestamp)).unwrap_or_default();
        stats.freshness.record(Duration::from_millis(age));
    }
}

async fn reject<P: Producer, T>(
    row: &RecordRow,
    poison: Poison,
    context: &Context<'_, P, T>,
) -> Result<(), Poison> {
    context.stats.error(poison.stage.name(), poison.cause);
    tracing::warn!(
        partition = row.origin.partition,
        offset = row.origin.offset,
        cause = poison.cause,
        error = %poison.error,
        "the table rejects a row"
    );
    dead_letter(row, poison, context).await
}

/// Treats a record as the pipeline says of poison; a dead letter is appended however long the log is away.
async fn dead_letter<P: Producer, T>(
    row: &RecordRow,
    poison: Poison,
    context: &Context<'_, P, T>,
) -> Result<(), Poison> {
    let topic = match &context.settings.on_poison {
        OnPoison::Fail => return Err(poison),
        OnPoison::Skip => {
            context.stats.table.skipped.add(1);
            return Ok(());
        }
        OnPoison::DeadLetter { topic } => topic,
    };
    let letter = context.settings.origin.of_log_record(&row.origin, context.clock.now(), &poison);
    append_letters(context.letters, topic, vec![letter], context.stats, context.backoff()).await;
    context.stats.table.dead_lettered.add(1);
    Ok(())
}

/// Appends dead letters, however long the log is away. Letters that the topic can never hold are appended without
/// their value: their headers still say where the original lies and what was wrong with it.
pub(crate) async fn append_letters<P: Producer>(
    log: &P,
    topic: &str,
    mut letters: Vec<Record>,
    stats: &Stats,
    mut backoff: Backoff,
) {
    while !letters.is_empty() {
        match log.append(topic, &letters).await {
            Ok(()) => return,
            Err(AppendError::Rejected(rejections)) => {
                stats.error("dead_letter", "rejected");
                let rejected = rejections.iter().filter_map(|rejection| letters.get(rejection.index));
                let stripped: Vec<Record> =
                    rejected.filter(|letter| letter.value().is_some()).map(Record::without_value).collect();
                tracing::error!(
                    rejected = rejections.len(),
                    "the dead-letter topic rejects records; they are appended without their value"
                );
                letters = stripped;
            }
            Err(AppendError::Log(error)) => {
                stats.error("dead_letter", error.cause());
                let wait = backoff.next_wait();
                tracing::warn!(cause = error.cause(), %error, ?wait, "dead letters cannot be appended for now");
                tokio::time::sleep(wait).await;
            }
        }
    }
}
