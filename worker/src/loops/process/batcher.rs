//! From events of the log to tasks for the table: begins records, decodes them, puts rows of one partition together.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::{Decode, OnPoison, RateCap, Settings, Verdict};
use crate::delivery::dead_letter::Poison;
use crate::delivery::tracker::{CommitPoint, Ticket, Tracker};
use crate::log::Event;
use crate::observe::stats::Stats;
use crate::record::LogRecord;
use crate::record::{AsRow, RecordRow};

/// Rows written in one request, at most, when they share a partition key: beyond this a batch saves little more, and
/// the server starts to warn.
const MOST_ROWS_TOGETHER: usize = 32;
/// Bytes of records written in one request, at most, unless one record alone is larger.
const MOST_BYTES_TOGETHER: usize = 16 * 1024;
/// Records remembered by the tracker, at most. Records done behind one that is stuck take no memory but this.
const MOST_PENDING: usize = 100_000;

/// What is to be done in one piece: rows to write together, or one record that is poison.
#[derive(Debug, Default)]
pub(super) struct Task {
    pub(super) rows: Vec<RecordRow>,
    pub(super) tickets: Vec<Ticket>,
    /// Set for a record that could not be decoded: its row has an origin only.
    pub(super) poison: Option<Poison>,
}

impl Task {
    fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.origin.record.size()).sum()
    }
}

/// The synchronous half of the processor.
pub(super) struct Intake<'w, D> {
    decode: D,
    settings: &'w Settings,
    stats: &'w Stats,
    tracker: Tracker,
    waiting: VecDeque<Task>,
    /// For each partition key among the waiting tasks: the number of its task, counted from `first`.
    together: HashMap<u64, u64>,
    /// Number of the task in front of `waiting`.
    first: u64,
    bytes_in_flight: usize,
    allowance: Allowance,
    spare: Vec<Task>,
}

impl<'w, D: Decode> Intake<'w, D> {
    pub(super) fn new(decode: D, settings: &'w Settings, stats: &'w Stats) -> Self {
        Self {
            decode,
            settings,
            stats,
            tracker: Tracker::default(),
            waiting: VecDeque::new(),
            together: HashMap::new(),
            first: 0,
            bytes_in_flight: 0,
            allowance: Allowance::new(settings.rate_cap, Instant::now()),
            spare: Vec::new(),
        }
    }

    /// Handles one event. Returns how far a partition is, when the event moved that by itself.
    ///
    /// # Errors
    /// The poison, under `onError: Fail`.
    pub(super) fn take(&mut self, event: Event) -> Result<Option<CommitPoint>, Poison> {
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
            Event::Record(record) => self.take_record(record),
        }
    }

    fn take_record(&mut self, record: LogRecord) -> Result<Option<CommitPoint>, Poison> {
        let Some(ticket) = self.tracker.begin(record.partition, record.offset) else { return Ok(None) };
        self.stats.table.read.add(1);
        self.stats.table.bytes.add(record.record.size() as u64);
        self.allowance.spend();
        let mut task = self.spare.pop().unwrap_or_default();
        let mut row = task.rows.pop().unwrap_or_default();
        task.rows.clear();
        row.origin = record;
        let done = match self.decode.decode(&mut row) {
            Ok(Verdict::Write) => {
                self.put(task, row, ticket);
                false
            }
            Ok(Verdict::LeaveOut) => {
                self.stats.table.filtered.add(1);
                true
            }
            Err(poison) => {
                self.stats.error(poison.stage.name(), poison.cause);
                tracing::warn!(
                    partition = row.origin.partition,
                    offset = row.origin.offset,
                    cause = poison.cause,
                    error = %poison.error,
                    "a record cannot become a row"
                );
                match self.settings.on_poison {
                    OnPoison::Fail => return Err(poison),
                    OnPoison::Skip => {
                        self.stats.table.skipped.add(1);
                        true
                    }
                    OnPoison::DeadLetter { .. } => {
                        task.rows.push(row);
                        task.tickets.push(ticket);
                        task.poison = Some(poison);
                        self.waiting.push_back(task);
                        false
                    }
                }
            }
        };
        Ok(if done { self.tracker.finish(ticket) } else { None })
    }

    /// Puts a row with others of its partition key, or in a task of its own.
    fn put(&mut self, mut task: Task, row: RecordRow, ticket: Ticket) {
        if !self.settings.group_by.is_empty() {
            // Equal fingerprints of different keys would only make a slower batch, and are one in 2^64.
            let fingerprint = row.as_row().fingerprint(&self.settings.group_by);
            let next = self.first + self.waiting.len() as u64;
            let number = self.together.entry(fingerprint).or_insert(next);
            let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
            if let Some(mates) = index.and_then(|index| self.waiting.get_mut(index))
                && mates.poison.is_none()
                && mates.rows.len() < MOST_ROWS_TOGETHER
                && mates.bytes() + row.origin.record.size() <= MOST_BYTES_TOGETHER
            {
                mates.rows.push(row);
                mates.tickets.push(ticket);
                self.spare.push(task);
                return;
            }
            *number = next;
        }
        task.rows.push(row);
        task.tickets.push(ticket);
        self.waiting.push_back(task);
    }

    /// The next task to start.
    pub(super) fn next_task(&mut self) -> Option<Task> {
        let task = self.waiting.pop_front()?;
        self.first += 1;
        if self.waiting.is_empty() {
            self.together.clear();
        }
        self.bytes_in_flight += task.bytes();
        Some(task)
    }

    /// A record is done.
    pub(super) fn finish(&mut self, ticket: Ticket) -> Option<CommitPoint> {
        self.tracker.finish(ticket)
    }

    /// Takes a finished task back: its records' buffers go to `reuse`, the rest is kept for later tasks.
    pub(super) fn recycle(&mut self, mut task: Task, mut reuse: impl FnMut(Vec<u8>)) {
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(task.bytes());
        for row in &mut task.rows {
            reuse(std::mem::take(&mut row.origin.record).into_buffer());
        }
        task.rows.truncate(1);
        task.tickets.clear();
        task.poison = None;
        if self.spare.len() < self.settings.most_in_flight {
            self.spare.push(task);
        }
    }

    /// How many records may be read when `room` more requests may start.
    pub(super) fn room_for_records(&mut self, room: usize, now: Instant) -> usize {
        let full = !self.waiting.is_empty()
            || self.bytes_in_flight >= self.settings.most_in_flight_bytes
            || self.tracker.pending() >= MOST_PENDING;
        let a_request_takes = if self.settings.group_by.is_empty() { 1 } else { MOST_ROWS_TOGETHER };
        let allowed = self.allowance.left(self.tracker.assigned().len(), now);
        if full { 0 } else { room.saturating_mul(a_request_takes).min(allowed) }
    }

    /// Whether no task waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// How many records may still be read under a cap on records a second.
#[derive(Debug)]
struct Allowance {
    cap: Option<RateCap>,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(cap: Option<RateCap>, now: Instant) -> Self {
        Self { cap, left: 0.0, at: now }
    }

    /// Never more than a quarter of a second's worth, so that a quiet time buys no burst.
    fn left(&mut self, assigned: usize, now: Instant) -> usize {
        const BURST: Duration = Duration::from_millis(250);
        let Some(cap) = self.cap else { return usize::MAX };
        let since = now.duration_since(std::mem::replace(&mut self.at, now));
        if assigned == 0 {
            // The log is read for an assignment alone.
            return 1;
        }
        let per_second = cap.share(assigned);
        let earned = since.min(BURST).as_secs_f64() * per_second;
        self.left = (self.left + earned).min((per_second * BURST.as_secs_f64()).max(1.0));
        self.left as usize
    }

    fn spend(&mut self) {
        if self.cap.is_some() {
            self.left -= 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a processor with so many of six partitions reads in a minute under a cap of 100 records a second.
    fn read_in_a_minute(assigned: usize) -> usize {
        let start = Instant::now();
        let mut allowance = Allowance::new(Some(RateCap { per_second: 100, partitions: 6 }), start);
        let rounds = (1..=6_000).map(|round| start + Duration::from_millis(10) * round);
        rounds
            .map(|now| {
                let left = allowance.left(assigned, now);
                (0..left).for_each(|_| allowance.spend());
                left
            })
            .sum()
    }

    #[test]
    fn processors_share_a_cap_as_they_share_the_partitions() {
        for shares in [&[6][..], &[3, 3], &[4, 1, 1], &[1, 1, 1, 1, 1, 1]] {
            let together: usize = shares.iter().map(|assigned| read_in_a_minute(*assigned)).sum();
            assert!((5_950..=6_000).contains(&together), "{shares:?} read {together}");
        }
        let (one, two) = (read_in_a_minute(1), read_in_a_minute(2));
        assert!((one * 2).abs_diff(two) <= 2, "{one} and {two}");
    }

    #[test]
    fn a_processor_under_a_cap_learns_of_its_assignment() {
        let now = Instant::now();
        let mut allowance = Allowance::new(Some(RateCap { per_second: 1, partitions: 6 }), now);
        assert_eq!((allowance.left(0, now), allowance.left(1, now)), (1, 0));
    }
}
