//! Puts rows of one partition key together, to be written in one request.

use std::collections::{HashMap, VecDeque};

use super::dead_letter::RecordError;
use super::tracker::Ticket;
use crate::record::{AsRow, RecordRow};

/// Rows of one request, at most, when they share a partition key: beyond this a batch saves little more, and the server
/// starts to warn.
pub const MAX_BATCH_ROWS: usize = 32;
/// Bytes of records of one request, at most, unless one record is larger.
const MAX_BATCH_BYTES: usize = 16 * 1024;

/// What one task writes: rows of one partition key, or the dead letter of one record.
#[derive(Debug, Default)]
pub struct WriteBatch {
    /// The rows. With an error, the one row that has an origin only.
    pub rows: Vec<RecordRow>,
    /// One for each row.
    pub tickets: Vec<Ticket>,
    /// Why the record could not be decoded.
    pub error: Option<RecordError>,
}

impl WriteBatch {
    /// Bytes of the records.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.origin.record.size()).sum()
    }
}

/// Batches that wait to be written, in the order of their first rows.
#[derive(Debug)]
pub struct Batcher {
    /// The fields of the partition key. Empty: every row is a separate batch.
    group_by: Vec<usize>,
    waiting: VecDeque<WriteBatch>,
    /// For each partition key, the number of the batch that takes further rows.
    open: HashMap<u64, u64>,
    /// The number of the batch in front.
    first: u64,
    /// Empty batches, whose memory is used again.
    spare: Vec<WriteBatch>,
    max_spare: usize,
}

impl Batcher {
    /// Batches by these fields, all of one partition key. Keeps at most `max_spare` empty batches.
    pub fn new(group_by: Vec<usize>, max_spare: usize) -> Self {
        Self {
            group_by,
            waiting: VecDeque::new(),
            open: HashMap::new(),
            first: 0,
            spare: Vec::new(),
            max_spare,
        }
    }

    /// An empty row, whose memory was used before.
    #[inline]
    pub fn new_row(&mut self) -> RecordRow {
        self.spare.last_mut().and_then(|batch| batch.rows.pop()).unwrap_or_default()
    }

    /// Adds a row to the open batch of its partition key, or to a new one.
    #[inline]
    pub fn push(&mut self, row: RecordRow, ticket: Ticket) {
        if !self.group_by.is_empty() {
            // Different keys with equal fingerprints share a batch, which is only slower, and as rare as one in 2^64.
            let fingerprint = row.as_row().fingerprint(&self.group_by);
            let next = self.first + self.waiting.len() as u64;
            let number = self.open.entry(fingerprint).or_insert(next);
            let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
            if let Some(batch) = index.and_then(|index| self.waiting.get_mut(index))
                && batch.error.is_none()
                && batch.rows.len() < MAX_BATCH_ROWS
                && batch.bytes() + row.origin.record.size() <= MAX_BATCH_BYTES
            {
                batch.rows.push(row);
                batch.tickets.push(ticket);
                return;
            }
            *number = next;
        }
        let batch = self.new_batch(row, ticket);
        self.waiting.push_back(batch);
    }

    /// Adds a record that could not be decoded.
    pub fn push_error(&mut self, row: RecordRow, ticket: Ticket, error: RecordError) {
        let batch = WriteBatch { error: Some(error), ..self.new_batch(row, ticket) };
        self.waiting.push_back(batch);
    }

    #[inline]
    fn new_batch(&mut self, row: RecordRow, ticket: Ticket) -> WriteBatch {
        let mut batch = self.spare.pop().unwrap_or_default();
        batch.rows.clear();
        batch.rows.push(row);
        batch.tickets.push(ticket);
        batch
    }

    /// Takes the batch in front.
    #[inline]
    pub fn pop(&mut self) -> Option<WriteBatch> {
        let batch = self.waiting.pop_front()?;
        self.first += 1;
        if self.waiting.is_empty() {
            self.open.clear();
        }
        Some(batch)
    }

    /// Returns a batch whose records are done, so that its memory is used again.
    #[inline]
    pub fn recycle(&mut self, mut batch: WriteBatch) {
        batch.rows.truncate(1);
        batch.tickets.clear();
        batch.error = None;
        if self.spare.len() < self.max_spare {
            self.spare.push(batch);
        }
    }

    /// Whether no batch waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::dead_letter::Stage;
    use crate::delivery::tracker::Tracker;
    use crate::record::{Cell, LogRecord, Record};

    /// A row of a partition key, of a record with this many bytes.
    fn row(key: i32, bytes: usize) -> RecordRow {
        let record = Record::new(Vec::new(), Some(&vec![0; bytes]), 0);
        let mut row =
            RecordRow { origin: LogRecord { record, ..LogRecord::default() }, ..RecordRow::default() };
        row.cells.reset(1, bytes);
        row.cells.set(0, Cell::Int(key));
        row
    }

    /// The keys of the rows of each batch, in order.
    fn batches(batcher: &mut Batcher) -> Vec<Vec<Cell>> {
        std::iter::from_fn(|| batcher.pop())
            .map(|batch| batch.rows.iter().map(|row| row.cells.get(0)).collect())
            .collect()
    }

    fn ticket() -> Ticket {
        let mut tracker = Tracker::default();
        tracker.assign([0]);
        tracker.begin(0, 0).unwrap()
    }

    #[test]
    fn rows_of_one_partition_key_share_a_batch() {
        let keys = [1, 2, 1, 1, 2];
        let mut grouped = Batcher::new(vec![0], 4);
        let mut ungrouped = Batcher::new(Vec::new(), 4);
        for key in keys {
            grouped.push(row(key, 10), ticket());
            ungrouped.push(row(key, 10), ticket());
        }
        let one = |key: i32| Cell::Int(key);
        assert_eq!(batches(&mut grouped), [vec![one(1), one(1), one(1)], vec![one(2), one(2)]]);
        assert_eq!(batches(&mut ungrouped), keys.map(|key| vec![one(key)]));
    }

    #[test]
    fn batch_is_bounded_in_rows_and_bytes() {
        let mut batcher = Batcher::new(vec![0], 4);
        for _ in 0..=MAX_BATCH_ROWS {
            batcher.push(row(1, 1), ticket());
        }
        let sizes: Vec<usize> = batches(&mut batcher).iter().map(Vec::len).collect();
        assert_eq!(sizes, [MAX_BATCH_ROWS, 1]);
        for _ in 0..2 {
            batcher.push(row(1, MAX_BATCH_BYTES), ticket());
        }
        assert_eq!(batches(&mut batcher).len(), 2);
    }

    #[test]
    fn record_that_cannot_be_decoded_is_alone_in_its_batch() {
        let mut batcher = Batcher::new(vec![0], 4);
        let error = RecordError::new(Stage::ValueConverter, "tombstone", "no value");
        batcher.push_error(row(1, 1), ticket(), error);
        batcher.push(row(1, 1), ticket());
        let batch = batcher.pop().unwrap();
        assert!(batch.error.is_some() && batch.rows.len() == 1);
        batcher.recycle(batch);
        assert!(batcher.pop().unwrap().error.is_none(), "its memory is reused, its error is not");
        assert!(batcher.is_empty());
    }
}
