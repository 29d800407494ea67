//! The statistics of the worker: updated by the loops, read by the endpoints and the terminal view.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::log::Progress;
use crate::observe::sliding_histogram::SlidingHistogram;

/// A number that only increases.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Increases the counter.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A gauge that is unknown until it is set: a time in milliseconds since the Unix epoch, or a count.
#[derive(Debug)]
pub struct OptionalGauge(AtomicI64);

impl Default for OptionalGauge {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl OptionalGauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Makes the value unknown.
    pub fn clear(&self) {
        self.set(i64::MIN);
    }

    /// Sets the value, or makes it unknown.
    pub fn set_or_clear(&self, value: Option<i64>) {
        self.set(value.unwrap_or(i64::MIN));
    }

    /// The value, if it is known.
    pub fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|value| *value != i64::MIN)
    }
}

/// The statistics of the worker. Safe to read and update concurrently.
#[derive(Debug, Default)]
pub struct Stats {
    /// The statistics of the producer.
    pub source: SourceStats,
    /// The statistics of the processor.
    pub table: TableStats,
    /// Dead letters that their topic accepted only truncated.
    pub truncated_letters: Counter,
    /// Dead letters that their topic refuses in every form, and that wait for it.
    pub refused_letters: Waiting,
    /// Errors by place and cause, both from fixed sets.
    errors: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

/// The statistics of the producer.
#[derive(Debug, Default)]
pub struct SourceStats {
    /// Pages fetched.
    pub pages: Counter,
    /// Bytes of the pages' bodies, decompressed.
    pub bytes: Counter,
    /// Raw records in the pages.
    pub read: Counter,
    /// Records mapped to the schema.
    pub mapped: Counter,
    /// Records appended to the topic and acknowledged.
    pub appended: Counter,
    /// Dead letters appended and acknowledged.
    pub dead_lettered: Counter,
    /// Records skipped under `onError: Skip`.
    pub skipped: Counter,
    /// Runs that succeeded.
    pub runs: Counter,
    /// Runs that failed.
    pub failed_runs: Counter,
    /// The end of the last successful run.
    pub last_success: OptionalGauge,
}

/// The statistics of the processor.
#[derive(Debug, Default)]
pub struct TableStats {
    /// Records read from the topic.
    pub read: Counter,
    /// Bytes of the records' keys, values and headers.
    pub bytes: Counter,
    /// Records that the filter dropped.
    pub filtered: Counter,
    /// Rows acknowledged by the table.
    pub written: Counter,
    /// Write requests acknowledged by the table.
    pub requests: Counter,
    /// Retries of write requests.
    pub retries: Counter,
    /// Dead letters appended and acknowledged.
    pub dead_lettered: Counter,
    /// Records skipped under `onError: Skip`.
    pub skipped: Counter,
    /// Rebalances: assignments and revocations.
    pub rebalances: Counter,
    /// Commits acknowledged.
    pub commits: Counter,
    /// Write requests in flight.
    pub in_flight: Gauge,
    /// The limit of write requests in flight.
    pub in_flight_limit: Gauge,
    /// The latency of write requests.
    pub latency: SlidingHistogram,
    /// The delay from a record's time to its row's acknowledgement.
    pub freshness: SlidingHistogram,
    /// The time of the last acknowledgement of a row.
    pub last_row: OptionalGauge,
    /// The number of records in the dead-letter topic.
    pub dead_letter_depth: OptionalGauge,
    /// The number of partitions of the topic.
    pub topic_partitions: OptionalGauge,
    progress: Mutex<Option<Vec<Progress>>>,
}

/// A number that increases and decreases.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many operations wait for something.
#[derive(Debug, Default)]
pub struct Waiting(AtomicU64);

/// One operation that waits, until it is dropped.
#[derive(Debug)]
pub struct WaitingGuard<'a>(&'a Waiting);

impl Waiting {
    /// Counts an operation until the guard is dropped.
    pub fn enter(&self) -> WaitingGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        WaitingGuard(self)
    }

    /// How many operations wait.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stats {
    /// Counts an error.
    pub fn error(&self, place: &'static str, cause: &'static str) {
        let mut errors = self.errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *errors.entry((place, cause)).or_default() += 1;
    }

    /// The errors so far: place, cause, count.
    pub fn errors(&self) -> Vec<(&'static str, &'static str, u64)> {
        let errors = self.errors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        errors.iter().map(|((place, cause), count)| (*place, *cause, *count)).collect()
    }
}

impl TableStats {
    /// Advances the windows of the histograms. Call it every few seconds.
    pub fn advance_windows(&self, now: Instant) {
        self.latency.advance(now);
        self.freshness.advance(now);
    }

    /// Sets the progress of the consumer. `None` while it has no assignment.
    pub fn set_progress(&self, progress: Option<Vec<Progress>>) {
        *self.progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = progress;
    }

    /// The last known progress of the consumer in each assigned partition.
    pub fn progress(&self) -> Option<Vec<Progress>> {
        self.progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The uncommitted records of all assigned partitions. `None` while unknown, which is not zero.
    pub fn lag(&self) -> Option<i64> {
        self.progress()?.iter().map(Progress::lag).sum()
    }
}
