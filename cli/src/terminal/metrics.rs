//! The metrics of a running pipeline at one moment.

use std::time::Duration;

use userstream_worker::observe::stats::Stats;

use super::text::{count, per_second, short_duration};

/// Totals since the start of a run, and lag and freshness now.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Metrics {
    /// Records read from the source; from the topic where there is no source.
    pub(crate) read: u64,
    /// Records mapped to the schema; decoded ones where there is no source.
    pub(crate) mapped: u64,
    /// Records dropped by `processor.filter`.
    pub(crate) filtered: u64,
    /// Rows written.
    pub(crate) written: u64,
    /// Records sent to the dead-letter topic.
    pub(crate) dead_letters: u64,
    /// Records dropped under `onError: Skip`.
    pub(crate) skipped: u64,
    /// Records in the topic that are not processed yet; `None` while unknown.
    pub(crate) lag: Option<u64>,
    /// The median of the time from a record's timestamp to its row.
    pub(crate) freshness_p50: Option<Duration>,
    /// The 99th percentile of the same time.
    pub(crate) freshness_p99: Option<Duration>,
    /// Errors: component, cause and count.
    pub(crate) errors: Vec<(&'static str, &'static str, u64)>,
}

impl Metrics {
    /// Reads the metrics from the statistics of the worker.
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

    /// Freshness as text; `None` before the first row.
    pub(crate) fn freshness(&self) -> Option<String> {
        let (half, most) = (self.freshness_p50?, self.freshness_p99?);
        Some(format!("{} p50, {} p99", short_duration(half), short_duration(most)))
    }
}

/// The metrics in one line, for output that is not a terminal.
pub(crate) fn progress_line(clock: &str, metrics: &Metrics, read_rate: f64, write_rate: f64) -> String {
    let lag = metrics.lag.map_or_else(|| "unknown".to_owned(), count);
    let mut line = format!(
        "{clock}  read {} ({})  written {} ({})  lag {lag}  dead letters {}",
        count(metrics.read),
        per_second(read_rate),
        count(metrics.written),
        per_second(write_rate),
        count(metrics.dead_letters),
    );
    if let Some(freshness) = metrics.freshness() {
        line.push_str("  freshness ");
        line.push_str(&freshness);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_of_producer_and_processor_are_added() {
        let stats = Stats::default();
        stats.source.read.add(10);
        stats.source.mapped.add(9);
        stats.source.dead_lettered.add(1);
        stats.table.read.add(9);
        stats.table.dead_lettered.add(2);
        stats.table.written.add(7);
        let metrics = Metrics::from_stats(&stats, true);
        assert_eq!((metrics.read, metrics.mapped, metrics.written, metrics.dead_letters), (10, 9, 7, 3));
        let metrics = Metrics::from_stats(&stats, false);
        assert_eq!((metrics.read, metrics.mapped), (9, 7));
    }

    #[test]
    fn unknown_lag_is_not_shown_as_zero() {
        let line = progress_line("0:05", &Metrics::from_stats(&Stats::default(), true), 0.0, 0.0);
        assert_eq!(line, "0:05  read 0 (0/s)  written 0 (0/s)  lag unknown  dead letters 0");
    }
}
