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
use crate::observe::stats::{Counter, Stats, TableStats};

/// The content type of the exposition.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the histograms' buckets, in seconds: from a fast write to a backlog of a day.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 86_400.0];

/// Encodes all metrics.
pub(super) fn encode(stats: &std::sync::Arc<Stats>, ready: bool) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("userstream");
    registry.register_collector(Box::new(Collected { stats: stats.clone(), ready }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Collected {
    stats: std::sync::Arc<Stats>,
    ready: bool,
}

/// The value of a counter with its labels.
type Labelled<const LABELS: usize> = ([(&'static str, String); LABELS], u64);

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        encode_stages(&mut encoder, &self.stats)?;
        encode_totals(&mut encoder, &self.stats)?;
        encode_errors(&mut encoder, &self.stats)?;
        gauges(&mut encoder, "ready", "1 when every component is ready.", [([], i64::from(self.ready))])?;
        encode_table(&mut encoder, &self.stats.table)
    }
}

/// Counters that both the producer and the processor have, labelled by stage.
fn encode_stages(encoder: &mut DescriptorEncoder, stats: &Stats) -> fmt::Result {
    let (source, table) = (&stats.source, &stats.table);
    for (name, help, from_source, from_topic) in [
        ("records_read", "Records read, by stage.", &source.read, &table.read),
        ("bytes_read", "Bytes read, by stage.", &source.bytes, &table.bytes),
        ("dead_letters", "Dead letters acknowledged, by stage.", &source.dead_lettered, &table.dead_lettered),
        (
            "records_skipped",
            "Records skipped under onError: Skip, by stage.",
            &source.skipped,
            &table.skipped,
        ),
    ] {
        let at = |stage: &str, counter: &Counter| ([("stage", stage.to_owned())], counter.get());
        counters(encoder, name, help, [at("source", from_source), at("topic", from_topic)])?;
    }
    Ok(())
}

fn encode_totals(encoder: &mut DescriptorEncoder, stats: &Stats) -> fmt::Result {
    let (source, table) = (&stats.source, &stats.table);
    for (name, help, counter) in [
        ("dead_letters_truncated", "Dead letters accepted only truncated.", &stats.truncated_letters),
        ("source_pages", "Pages fetched from the source.", &source.pages),
        ("records_appended", "Records acknowledged by the topic.", &source.appended),
        ("source_runs", "Source runs that succeeded.", &source.runs),
        ("source_runs_failed", "Source runs that failed.", &source.failed_runs),
        ("records_filtered", "Records dropped by the filter.", &table.filtered),
        ("rows_written", "Rows acknowledged by the table.", &table.written),
        ("write_requests", "Write requests acknowledged by the table.", &table.requests),
        ("write_retries", "Retries of write requests.", &table.retries),
        ("rebalances", "Assignments and revocations of partitions.", &table.rebalances),
        ("commits", "Offset commits acknowledged.", &table.commits),
    ] {
        counters(encoder, name, help, [([], counter.get())])?;
    }
    Ok(())
}

fn encode_errors(encoder: &mut DescriptorEncoder, stats: &Stats) -> fmt::Result {
    let errors = stats.errors();
    let errors = errors.iter().map(|(place, cause, count)| {
        ([("place", (*place).to_owned()), ("cause", (*cause).to_owned())], *count)
    });
    counters(encoder, "errors", "Errors, by place and cause.", errors)
}

/// The gauges and histograms of the processor.
fn encode_table(encoder: &mut DescriptorEncoder, table: &TableStats) -> fmt::Result {
    for (name, help, gauge) in [
        ("writes_in_flight", "Write requests in flight.", &table.in_flight),
        ("writes_in_flight_limit", "Limit of write requests in flight.", &table.in_flight_limit),
    ] {
        gauges(encoder, name, help, [([], i64::try_from(gauge.get()).unwrap_or(i64::MAX))])?;
    }
    let progress = table.progress().unwrap_or_default();
    let lags = progress
        .iter()
        .filter_map(|progress| Some(([("partition", progress.partition.to_string())], progress.lag()?)));
    gauges(encoder, "consumer_lag_records", "Uncommitted records; absent while unknown.", lags)?;
    let depth = table.dead_letter_depth.get().map(|depth| ([], depth));
    gauges(encoder, "dead_letter_depth_records", "Records in the dead-letter topic.", depth)?;
    histogram(encoder, "write_latency", "Latency of write requests.", &table.latency)?;
    let help = "Delay from a record's time to its row's acknowledgement.";
    histogram(encoder, "freshness", help, &table.freshness)
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
