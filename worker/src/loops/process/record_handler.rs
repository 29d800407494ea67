//! From events of the log to batches for the table: begins records, decodes them and batches their rows.

use tokio::time::Instant;

use super::{Decode, Decoded, ProcessSettings};
use crate::delivery::batcher::{Batcher, MAX_BATCH_ROWS, WriteBatch};
use crate::delivery::dead_letter::{ErrorPolicy, RecordError};
use crate::delivery::rate_cap::TokenBucket;
use crate::delivery::tracker::{CommitPoint, Ticket, Tracker};
use crate::log::Event;
use crate::observe::stats::Stats;
use crate::record::{LogRecord, RecordRow};

/// Records that the tracker remembers, at most. Records done behind an unfinished one use no memory but this.
const MAX_PENDING: usize = 100_000;

/// The synchronous half of the processor.
pub(super) struct RecordHandler<'w, D> {
    decode: D,
    settings: &'w ProcessSettings,
    stats: &'w Stats,
    tracker: Tracker,
    batcher: Batcher,
    bytes_in_flight: usize,
    tokens: TokenBucket,
}

impl<'w, D: Decode> RecordHandler<'w, D> {
    pub(super) fn new(decode: D, settings: &'w ProcessSettings, stats: &'w Stats) -> Self {
        Self {
            decode,
            settings,
            stats,
            tracker: Tracker::default(),
            batcher: Batcher::new(settings.group_by.clone(), settings.max_in_flight),
            bytes_in_flight: 0,
            tokens: TokenBucket::new(settings.rate_cap, Instant::now()),
        }
    }

    /// Handles one event. Returns the commit point of its partition if it moved.
    ///
    /// # Errors
    /// The error of a record, under `onError: Fail`.
    pub(super) fn handle(&mut self, event: Event) -> Result<Option<CommitPoint>, RecordError> {
        match event {
            Event::Assigned(assigned) => {
                let partitions: Vec<i32> = assigned.iter().map(|assigned| assigned.partition).collect();
                tracing::info!(?partitions, "partitions assigned");
                self.stats.table.rebalances.add(1);
                self.tracker.assign(partitions);
                Ok(None)
            }
            Event::Revoked(partitions) => {
                tracing::info!(?partitions, "partitions revoked");
                self.stats.table.rebalances.add(1);
                self.tracker.revoke(&partitions);
                Ok(None)
            }
            Event::Record(record) => self.handle_record(record),
        }
    }

    fn handle_record(&mut self, record: LogRecord) -> Result<Option<CommitPoint>, RecordError> {
        let Some(ticket) = self.tracker.begin(record.partition, record.offset) else { return Ok(None) };
        self.stats.table.read.add(1);
        self.stats.table.bytes.add(record.record.size() as u64);
        self.tokens.take();
        let mut row = self.batcher.new_row();
        row.origin = record;
        match self.decode.decode(&mut row) {
            Ok(Decoded::Row) => {
                self.batcher.push(row, ticket);
                Ok(None)
            }
            Ok(Decoded::Filtered) => {
                self.stats.table.filtered.add(1);
                Ok(self.tracker.finish(ticket))
            }
            Err(error) => self.handle_error(row, ticket, error),
        }
    }

    fn handle_error(
        &mut self,
        row: RecordRow,
        ticket: Ticket,
        error: RecordError,
    ) -> Result<Option<CommitPoint>, RecordError> {
        self.stats.error(error.stage.name(), error.cause);
        tracing::warn!(
            partition = row.origin.partition,
            offset = row.origin.offset,
            cause = error.cause,
            error = %error.source,
            "a record cannot be decoded"
        );
        match self.settings.error_policy {
            ErrorPolicy::Fail => Err(error),
            ErrorPolicy::Skip => {
                self.stats.table.skipped.add(1);
                Ok(self.tracker.finish(ticket))
            }
            ErrorPolicy::DeadLetter { .. } => {
                self.batcher.push_error(row, ticket, error);
                Ok(None)
            }
        }
    }

    /// The next batch to write.
    pub(super) fn next_batch(&mut self) -> Option<WriteBatch> {
        let batch = self.batcher.pop()?;
        self.bytes_in_flight += batch.bytes();
        Some(batch)
    }

    /// Finishes a record. Returns the commit point of its partition if it moved.
    pub(super) fn finish(&mut self, ticket: Ticket) -> Option<CommitPoint> {
        self.tracker.finish(ticket)
    }

    /// Returns the memory of a completed batch: the buffers of its records to `recycle`, the rest to later batches.
    pub(super) fn recycle(&mut self, mut batch: WriteBatch, mut recycle: impl FnMut(Vec<u8>)) {
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(batch.bytes());
        for row in &mut batch.rows {
            recycle(std::mem::take(&mut row.origin.record).into_buffer());
        }
        self.batcher.recycle(batch);
    }

    /// How many records may be polled while `room` more requests may start. `partitions`: those of the topic, if known.
    pub(super) fn records_to_poll(&mut self, room: usize, partitions: Option<u32>, now: Instant) -> usize {
        let full = !self.batcher.is_empty()
            || self.bytes_in_flight >= self.settings.max_in_flight_bytes
            || self.tracker.pending() >= MAX_PENDING;
        let records_per_request = if self.settings.group_by.is_empty() { 1 } else { MAX_BATCH_ROWS };
        let available = self.tokens.available(self.tracker.assigned().len(), partitions, now);
        if full { 0 } else { room.saturating_mul(records_per_request).min(available) }
    }

    /// Whether no batch waits.
    pub(super) fn is_empty(&self) -> bool {
        self.batcher.is_empty()
    }
}
