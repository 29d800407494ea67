//! What the worker has done and where it stands: counted by the loops, read by the status endpoints and the terminal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::log::Progress;
use crate::observe::sliding_histogram::Recent;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that is not known at first: a time in milliseconds since the Unix epoch, or a count.
#[derive(Debug)]
pub struct Latest(AtomicI64);

impl Default for Latest {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Latest {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// It is not known any more.
    pub fn clear(&self) {
        self.set(i64::MIN);
    }

    /// The number, if it was set.
    pub fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|value| *value != i64::MIN)
    }
}

/// The worker's numbers. Shared; every part may be read at any time.
#[derive(Debug, Default)]
pub struct Stats {
    /// The producing half.
    pub source: SourceStats,
    /// The processing half.
    pub table: TableStats,
    /// Faults by where they happened and their cause, both from fixed sets.
    errors: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

/// What the producer did.
#[derive(Debug, Default)]
pub struct SourceStats {
    /// Pages fetched.
    pub pages: Counter,
    /// Bytes of their bodies, decompressed.
    pub bytes: Counter,
    /// Raw records in them.
    pub read: Counter,
    /// Records mapped to the schema.
    pub mapped: Counter,
    /// Records appended to the topic and acknowledged.
    pub appended: Counter,
    /// Dead letters appended and acknowledged.
    pub dead_lettered: Counter,
    /// Records left out under `onError: Skip`.
    pub skipped: Counter,
    /// Runs that ended well.
    pub runs: Counter,
    /// Runs that did not.
    pub failed_runs: Counter,
    /// When the last run ended well.
    pub last_success: Latest,
}

/// What the processor did.
#[derive(Debug, Default)]
pub struct TableStats {
    /// Records read from the topic.
    pub read: Counter,
    /// Bytes of their keys, values and headers.
    pub bytes: Counter,
    /// Records that the filter left out.
    pub filtered: Counter,
    /// Rows acknowledged by the table.
    pub written: Counter,
    /// Requests that wrote them.
    pub requests: Counter,
    /// Requests tried again.
    pub retries: Counter,
    /// Dead letters appended and acknowledged.
    pub dead_lettered: Counter,
    /// Records left out under `onError: Skip`.
    pub skipped: Counter,
    /// Rebalances: assignments and revocations.
    pub rebalances: Counter,
    /// Commits acknowledged.
    pub commits: Counter,
    /// Writes in flight now.
    pub in_flight: Gauge,
    /// How many there may be.
    pub in_flight_limit: Gauge,
    /// From sending a request to its acknowledgement.
    pub latency: Recent,
    /// From a record's time to its row's acknowledgement.
    pub freshness: Recent,
    /// When the last row was acknowledged.
    pub last_row: Latest,
    /// How many records the dead-letter topic holds, once that was asked.
    pub dead_letter_depth: Latest,
    progress: Mutex<Option<Vec<Progress>>>,
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Stats {
    /// Counts a fault.
    pub fn error(&self, place: &'static str, cause: &'static str) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        *errors.entry((place, cause)).or_default() += 1;
    }

    /// The faults so far: where, why, how often.
    pub fn errors(&self) -> Vec<(&'static str, &'static str, u64)> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.iter().map(|((place, cause), count)| (*place, *cause, *count)).collect()
    }
}

impl TableStats {
    /// Lets what is recent move on. To be called every few seconds.
    pub fn pass(&self, now: Instant) {
        self.latency.pass(now);
        self.freshness.pass(now);
    }

    /// Notes where the consumer stands. None: it has no assignment yet.
    pub fn set_progress(&self, progress: Option<Vec<Progress>>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// Where the consumer stood a moment ago: its assignment, with what is committed and what there is.
    pub fn progress(&self) -> Option<Vec<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records not yet committed in all assigned partitions. None while unknown, which is not zero.
    pub fn lag(&self) -> Option<i64> {
        self.progress()?.iter().map(Progress::lag).sum()
    }
}
