//! The statistics in the OpenMetrics text format. Labels are from fixed sets, except the number of the partition.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::observe::histogram::Histogram;
use crate::observe::stats::Stats;

/// The content type of the exposition.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the histograms' buckets, in seconds: from a fast write to a backlog of a day.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 86_400.0];

/// Encodes all metrics.
pub(super) fn encode(stats: &std::sync::Arc<Stats>, ready: bool) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("userstream");
    registry.register_collector(Box::new(Page { stats: stats.clone(), ready }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Page {
    stats: std::sync::Arc<Stats>,
    ready: bool,
}

/// One number of a family, with its labels.
type Labelled<const LABELS: usize> = ([(&'static str, String); LABELS], u64);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let (source, table) = (&self.stats.source, &self.stats.table);
        let at = |stage: &str, count: u64| ([("stage", stage.to_owned())], count);
        counters(
            &mut encoder,
            "records_read",
            "Records read, by stage.",
            [at("source", source.read.get()), at("topic", table.read.get())],
        )?;
        counters(
            &mut encoder,
            "bytes_read",
            "Bytes read, by stage.",
            [at("source", source.bytes.get()), at("topic", table.bytes.get())],
        )?;
        counters(
            &mut encoder,
            "dead_letters",
            "Dead letters acknowledged, by stage.",
            [at("source", source.dead_lettered.get()), at("topic", table.dead_lettered.get())],
        )?;
        counters(
            &mut encoder,
            "records_skipped",
            "Records skipped under onError: Skip, by stage.",
            [at("source", source.skipped.get()), at("topic", table.skipped.get())],
        )?;
        for (name, help, count) in [
            ("source_pages", "Pages fetched from the source.", source.pages.get()),
            ("records_appended", "Records acknowledged by the topic.", source.appended.get()),
            ("source_runs", "Source runs that succeeded.", source.runs.get()),
            ("source_runs_failed", "Source runs that failed.", source.failed_runs.get()),
            ("records_filtered", "Records dropped by the filter.", table.filtered.get()),
            ("rows_written", "Rows acknowledged by the table.", table.written.get()),
            ("write_requests", "Write requests acknowledged by the table.", table.requests.get()),
            ("write_retries", "Retries of write requests.", table.retries.get()),
            ("rebalances", "Assignments and revocations of partitions.", table.rebalances.get()),
            ("commits", "Offset commits acknowledged.", table.commits.get()),
        ] {
            counters(&mut encoder, name, help, [([], count)])?;
        }
        let errors = self.stats.errors();
        counters(
            &mut encoder,
            "errors",
            "Errors, by place and cause.",
            errors.iter().map(|(place, cause, count)| {
                ([("place", (*place).to_owned()), ("cause", (*cause).to_owned())], *count)
            }),
        )?;
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        gauges(
            &mut encoder,
            "writes_in_flight",
            "Write requests in flight.",
            [([], number(table.in_flight.get()))],
        )?;
        let limit = number(table.in_flight_limit.get());
        gauges(&mut encoder, "writes_in_flight_limit", "Limit of write requests in flight.", [([], limit)])?;
        gauges(&mut encoder, "ready", "1 when every component is ready.", [([], i64::from(self.ready))])?;
        let lags = table.progress().unwrap_or_default();
        let lags =
            lags.iter().filter_map(|one| Some(([("partition", one.partition.to_string())], one.lag()?)));
        gauges(&mut encoder, "consumer_lag_records", "Uncommitted records; absent while unknown.", lags)?;
        let depth = table.dead_letter_depth.get().map(|depth| ([], depth));
        gauges(&mut encoder, "dead_letter_depth_records", "Records in the dead-letter topic.", depth)?;
        histogram(&mut encoder, "write_latency", "Latency of write requests.", &table.latency)?;
        histogram(
            &mut encoder,
            "freshness",
            "Delay from a record's time to its row's acknowledgement.",
            &table.freshness,
        )
    }
}

fn counters<const LABELS: usize>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = Labelled<LABELS>>,
) -> fmt::Result {
    let values = values.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value)));
    family(encoder, name, help, MetricType::Counter, values)
}

fn gauges<const LABELS: usize>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = ([(&'static str, String); LABELS], i64)>,
) -> fmt::Result {
    let values = values.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value)));
    family(encoder, name, help, MetricType::Gauge, values)
}

fn family<const LABELS: usize, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    metric_type: MetricType,
    values: impl Iterator<Item = ([(&'static str, String); LABELS], M)>,
) -> fmt::Result
where
    [(&'static str, String); LABELS]: EncodeLabelSet,
{
    let mut metric = encoder.encode_descriptor(name, help, None, metric_type)?;
    for (labels, value) in values {
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn histogram(encoder: &mut DescriptorEncoder, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
    let mut below = 0;
    let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(BUCKETS.len() + 1);
    for bound in BUCKETS {
        let up_to = histogram.count_up_to(Duration::from_secs_f64(bound));
        buckets.push((bound, up_to.saturating_sub(below)));
        below = below.max(up_to);
    }
    let count = histogram.count().max(below);
    buckets.push((f64::MAX, count - below));
    let mut metric = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(histogram.sum().as_secs_f64(), count, &buckets, None)
}
