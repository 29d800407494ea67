//! One write task: from a batch to its rows in the table, or to its dead letters.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

use super::ProcessSettings;
use crate::delivery::adaptive_concurrency::AdaptiveConcurrency;
use crate::delivery::batcher::WriteBatch;
use crate::delivery::dead_letter::{ErrorPolicy, RecordError, Stage};
use crate::log::Producer;
use crate::loops::dead_letters::append_dead_letters;
use crate::observe::stats::Stats;
use crate::record::RecordRow;
use crate::runtime::backoff::{Backoff, Jitter};
use crate::runtime::clock::Clock;
use crate::table::{Table, WriteError};

/// What all tasks share.
pub(super) struct WriteContext<'w, P, T> {
    producer: &'w P,
    table: &'w T,
    settings: &'w ProcessSettings,
    stats: &'w Stats,
    clock: &'w Clock,
    concurrency: RefCell<AdaptiveConcurrency>,
    jitter: RefCell<Jitter>,
}

/// A batch whose records are done, or the error that ends the loop under `onError: Fail`.
pub(super) struct Completed {
    pub(super) batch: WriteBatch,
    pub(super) outcome: Result<(), RecordError>,
}

impl<'w, P, T> WriteContext<'w, P, T> {
    pub(super) fn new(
        producer: &'w P,
        table: &'w T,
        settings: &'w ProcessSettings,
        stats: &'w Stats,
        clock: &'w Clock,
        jitter: Jitter,
    ) -> Self {
        let concurrency = AdaptiveConcurrency::new(settings.max_in_flight, settings.latency_ceiling);
        Self {
            producer,
            table,
            settings,
            stats,
            clock,
            concurrency: RefCell::new(concurrency),
            jitter: RefCell::new(jitter),
        }
    }

    /// How many tasks may be in flight.
    pub(super) fn limit(&self) -> usize {
        self.concurrency.borrow().limit()
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(50), Duration::from_secs(5), self.jitter.borrow_mut().split())
    }
}

/// Writes a batch. Retries while the table or the log is unavailable, so it ends only with success or under `onError:
/// Fail`.
pub(super) async fn write_task<P: Producer, T: Table>(
    mut batch: WriteBatch,
    context: &WriteContext<'_, P, T>,
) -> Completed {
    let outcome = match (batch.error.take(), batch.rows.first()) {
        (Some(error), Some(row)) => dead_letter(row, error, context).await,
        _ => write(&batch.rows, context).await,
    };
    Completed { batch, outcome }
}

async fn write<P: Producer, T: Table>(
    rows: &[RecordRow],
    context: &WriteContext<'_, P, T>,
) -> Result<(), RecordError> {
    match write_or_reject(rows, context).await {
        Ok(()) => Ok(()),
        Err(rejection) => match rows {
            [row] => reject(row, rejection, context).await,
            // One row of the batch is rejected: each is written alone, so that the others are written.
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

/// Writes rows, and retries while the table is unavailable.
async fn write_or_reject<P: Producer, T: Table>(
    rows: &[RecordRow],
    context: &WriteContext<'_, P, T>,
) -> Result<(), RecordError> {
    let stats = &context.stats.table;
    let mut backoff: Option<Backoff> = None;
    loop {
        let started = Instant::now();
        match context.table.write(rows).await {
            Ok(()) => {
                let latency = started.elapsed();
                context.concurrency.borrow_mut().on_success(latency);
                stats.latency.record(latency);
                count_written(rows, context);
                return Ok(());
            }
            Err(WriteError::Rejected { cause, source }) => {
                return Err(RecordError::new(Stage::Put, cause, source));
            }
            Err(error @ WriteError::Unavailable { .. }) => {
                context.concurrency.borrow_mut().on_overload();
                context.stats.error("table", error.cause());
                stats.retries.add(1);
                let wait = backoff.get_or_insert_with(|| context.backoff()).next_wait();
                tracing::debug!(cause = error.cause(), %error, ?wait, "a write failed: retrying");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn count_written<P, T>(rows: &[RecordRow], context: &WriteContext<'_, P, T>) {
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
    error: RecordError,
    context: &WriteContext<'_, P, T>,
) -> Result<(), RecordError> {
    context.stats.error(error.stage.name(), error.cause);
    tracing::warn!(
        partition = row.origin.partition,
        offset = row.origin.offset,
        cause = error.cause,
        error = %error.source,
        "the table rejects a row"
    );
    dead_letter(row, error, context).await
}

/// Applies the error policy to a record. A dead letter is retried while the log is unavailable.
async fn dead_letter<P: Producer, T>(
    row: &RecordRow,
    error: RecordError,
    context: &WriteContext<'_, P, T>,
) -> Result<(), RecordError> {
    let topic = match &context.settings.error_policy {
        ErrorPolicy::Fail => return Err(error),
        ErrorPolicy::Skip => {
            context.stats.table.skipped.add(1);
            return Ok(());
        }
        ErrorPolicy::DeadLetter { topic } => topic,
    };
    let letter = context.settings.dead_letters.of_record(&row.origin, context.clock.now(), &error);
    append_dead_letters(context.producer, topic, vec![letter], context.stats, context.backoff()).await;
    context.stats.table.dead_lettered.add(1);
    Ok(())
}
