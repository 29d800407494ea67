//! The summary of a run.

use std::time::Duration;

use serde::Serialize;

use super::error::RunError;
use crate::exit::Exit;
use crate::terminal::style::Style;
use crate::terminal::{Metrics, count, per_second, short_duration};

/// The summary of a run.
#[derive(Debug)]
pub(crate) struct Summary {
    /// `namespace/name` of the pipeline.
    pub(super) pipeline: String,
    /// `keyspace.table`.
    pub(super) table: String,
    /// The time from the start of the process to the end of the run.
    pub(super) elapsed: Duration,
    /// The time from the start of the process to the first row; `None` without a row.
    pub(super) first_row: Option<Duration>,
    /// The metrics at the end.
    pub(super) metrics: Metrics,
    /// Why the run ended early; `None` if it did not.
    pub(super) error: Option<RunError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryJson<'a> {
    pipeline: &'a str,
    table: &'a str,
    seconds: f64,
    records_read: u64,
    records_mapped: u64,
    records_filtered: u64,
    records_skipped: u64,
    rows_written: u64,
    dead_letters: u64,
    rows_per_second: f64,
    lag: Option<u64>,
    first_row_milliseconds: Option<u64>,
    freshness_milliseconds: Option<Freshness>,
    faults: Vec<Fault>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Freshness {
    p50: u64,
    p99: u64,
}

#[derive(Serialize)]
struct Fault {
    place: &'static str,
    cause: &'static str,
    count: u64,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Summary {
    /// The exit code of the command.
    pub(crate) fn exit(&self) -> Exit {
        self.error.as_ref().map_or(Exit::Done, RunError::exit)
    }

    fn rows_per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.metrics.written as f64 / seconds } else { 0.0 }
    }

    /// The summary as one line of JSON.
    pub(crate) fn to_json_line(&self) -> String {
        let metrics = &self.metrics;
        let freshness = metrics.freshness_p50.zip(metrics.freshness_p99);
        let rounded = |number: f64, digits: f64| (number * digits).round() / digits;
        let json = SummaryJson {
            pipeline: &self.pipeline,
            table: &self.table,
            seconds: rounded(self.elapsed.as_secs_f64(), 1e3),
            records_read: metrics.read,
            records_mapped: metrics.mapped,
            records_filtered: metrics.filtered,
            records_skipped: metrics.skipped,
            rows_written: metrics.written,
            dead_letters: metrics.dead_letters,
            rows_per_second: rounded(self.rows_per_second(), 10.0),
            lag: metrics.lag,
            first_row_milliseconds: self.first_row.map(milliseconds),
            freshness_milliseconds: freshness
                .map(|(p50, p99)| Freshness { p50: milliseconds(p50), p99: milliseconds(p99) }),
            faults: metrics
                .errors
                .iter()
                .map(|(place, cause, count)| Fault { place, cause, count: *count })
                .collect(),
            error: self.error.as_ref().map(ToString::to_string),
        };
        // Serialization cannot fail: the members are numbers and strings.
        let mut line = serde_json::to_string(&json).unwrap_or_default();
        line.push('\n');
        line
    }

    /// The summary as text.
    pub(crate) fn to_text(&self, coloured: bool) -> String {
        let metrics = &self.metrics;
        let name = Style(coloured).bold(&self.pipeline);
        let mut lines = vec![format!("{name} ran for {}", short_duration(self.elapsed))];
        let mut line = |label: &str, value: String| lines.push(format!("  {label:<15}{value}"));
        line("records read", count(metrics.read));
        line("mapped", count(metrics.mapped));
        for (label, number) in [("filtered", metrics.filtered), ("skipped", metrics.skipped)] {
            if number > 0 {
                line(label, count(number));
            }
        }
        line(
            "rows written",
            format!("{} to {} ({})", count(metrics.written), self.table, per_second(self.rows_per_second())),
        );
        line("dead letters", count(metrics.dead_letters));
        if let Some(freshness) = metrics.freshness() {
            line("freshness", freshness);
        }
        if let Some(first) = self.first_row {
            line("first row", format!("after {}", short_duration(first)));
        }
        for (place, cause, times) in &metrics.errors {
            line("errors", format!("{} × {place}: {cause}", count(*times)));
        }
        match metrics.lag {
            Some(0) | None => {}
            Some(lag) => line("left in topic", format!("{}; the next start continues with them", count(lag))),
        }
        if let Some(error) = &self.error {
            lines.push(format!("ended early: {error}"));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use userstream_worker::delivery::dead_letter::{RecordError, Stage};
    use userstream_worker::loops::produce::ProduceError;

    fn summary(error: Option<RunError>) -> Summary {
        Summary {
            pipeline: "demo/users".to_owned(),
            table: "spark_streams.created_users".to_owned(),
            elapsed: Duration::from_millis(10_004),
            first_row: Some(Duration::from_micros(212_900)),
            metrics: Metrics {
                read: 1_003,
                mapped: 1_001,
                written: 1_000,
                dead_letters: 3,
                lag: Some(0),
                freshness_p50: Some(Duration::from_micros(12_700)),
                freshness_p99: Some(Duration::from_millis(48)),
                errors: vec![("source", "http_503", 2)],
                ..Metrics::default()
            },
            error,
        }
    }

    #[test]
    fn text_summary_has_one_metric_a_line() {
        insta::assert_snapshot!(summary(None).to_text(false), @r"
        demo/users ran for 10.0 s
          records read   1,003
          mapped         1,001
          rows written   1,000 to spark_streams.created_users (100/s)
          dead letters   3
          freshness      12 ms p50, 48 ms p99
          first row      after 212 ms
          errors         2 × source: http_503
        ");
    }

    #[test]
    fn json_summary_is_one_line() {
        let line = summary(None).to_json_line();
        assert_eq!(line.matches('\n').count(), 1);
        insta::assert_snapshot!(line, @r#"{"pipeline":"demo/users","table":"spark_streams.created_users","seconds":10.004,"recordsRead":1003,"recordsMapped":1001,"recordsFiltered":0,"recordsSkipped":0,"rowsWritten":1000,"deadLetters":3,"rowsPerSecond":100.0,"lag":0,"firstRowMilliseconds":212,"freshnessMilliseconds":{"p50":12,"p99":48},"faults":[{"place":"source","cause":"http_503","count":2}],"error":null}"#);
    }

    #[test]
    fn failed_run_has_its_error_and_exit_code() {
        let errant = RecordError::new(Stage::Transformation, "type", "field dob: not a timestamp");
        let summary = summary(Some(RunError::Producer(ProduceError::Record(errant))));
        assert_eq!(summary.exit(), Exit::Data);
        assert!(summary.to_text(false).contains("ended early: "), "{}", summary.to_text(false));
        assert!(summary.to_json_line().contains("field dob: not a timestamp"), "{}", summary.to_json_line());
    }
}
