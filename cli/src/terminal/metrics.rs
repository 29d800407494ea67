//! The numbers of a running pipeline at one moment.

use std::time::Duration;

use userstream_worker::observe::stats::Stats;

use super::text::{count, per_second, short_duration};

/// What a pipeline has done so far, and how far it is behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Metrics {
    /// Records read from the source; from the topic where there is no source.
    pub(crate) read: u64,
    /// Records mapped to the schema; decoded ones where there is no source.
    pub(crate) mapped: u64,
    /// Records that the filter left out.
    pub(crate) filtered: u64,
    /// Rows written.
    pub(crate) written: u64,
    /// Dead letters.
    pub(crate) dead_letters: u64,
    /// Records left out under `onError: Skip`.
    pub(crate) skipped: u64,
    /// Records in the topic that are not processed yet. None while it is not known.
    pub(crate) lag: Option<u64>,
    /// From a record's time to its row, at most so long for half of them.
    pub(crate) freshness_p50: Option<Duration>,
    /// The same, for 99 of 100.
    pub(crate) freshness_p99: Option<Duration>,
    /// Faults so far: where, why, how often.
    pub(crate) errors: Vec<(&'static str, &'static str, u64)>,
}

impl Metrics {
    /// The numbers now.
    pub(crate) fn from_stats(stats: &Stats, has_source: bool) -> Self {
        let (source, table) = (&stats.source, &stats.table);
        let undecodable = table.dead_lettered.get() + table.skipped.get();
        Self {
            read: if has_source { source.read.get() } else { table.read.get() },
            mapped: if has_source {
                source.mapped.get()
            } else {
                table.read.get().saturating_sub(undecodable)
            },
            filtered: table.filtered.get(),
            written: table.written.get(),
            dead_letters: source.dead_lettered.get() + table.dead_lettered.get(),
            skipped: source.skipped.get() + table.skipped.get(),
            lag: table.lag().map(i64::unsigned_abs),
            freshness_p50: table.freshness.quantile(0.5),
            freshness_p99: table.freshness.quantile(0.99),
            errors: stats.errors(),
        }
    }

    /// Freshness as people read it; none before the first row.
    pub(crate) fn freshness(&self) -> Option<String> {
        let (half, most) = (self.freshness_p50?, self.freshness_p99?);
        Some(format!("{} p50, {} p99", short_duration(half), short_duration(most)))
    }
}

/// The numbers in one line, for output that is not a terminal.
pub(crate) fn progress_line(clock: &str, numbers: &Metrics, read_rate: f64, write_rate: f64) -> String {
    let lag = numbers.lag.map_or_else(|| "unknown".to_owned(), count);
    let mut line = format!(
        "{clock}  read {} ({})  written {} ({})  lag {lag}  dead letters {}",
        count(numbers.read),
        per_second(read_rate),
        count(numbers.written),
        per_second(write_rate),
        count(numbers.dead_letters),
    );
    if let Some(freshness) = numbers.freshness() {
        line.push_str("  freshness ");
        line.push_str(&freshness);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_of_both_halves_are_one_number() {
        let stats = Stats::default();
        stats.source.read.add(10);
        stats.source.mapped.add(9);
        stats.source.dead_lettered.add(1);
        stats.table.read.add(9);
        stats.table.dead_lettered.add(2);
        stats.table.written.add(7);
        let numbers = Metrics::from_stats(&stats, true);
        assert_eq!((numbers.read, numbers.mapped, numbers.written, numbers.dead_letters), (10, 9, 7, 3));
        let numbers = Metrics::from_stats(&stats, false);
        assert_eq!((numbers.read, numbers.mapped), (9, 7));
    }

    #[test]
    fn lag_that_is_not_known_is_not_shown_as_zero() {
        let line = progress_line("0:05", &Metrics::from_stats(&Stats::default(), true), 0.0, 0.0);
        assert_eq!(line, "0:05  read 0 (0/s)  written 0 (0/s)  lag unknown  dead letters 0");
    }
}
