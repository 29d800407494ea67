//! What the workers of a pipeline report, taken together. What one of them does not know, nobody knows.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::observed::{Observed, WorkerReport};
use userstream_crds::names::Component;

/// A report older than this says nothing about now.
const STALE: SignedDuration = SignedDuration::from_secs(120);

/// The processors, taken together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Processors {
    /// How many records are not written yet; `None` unless every partition of the topic is accounted for.
    pub lag: Option<u64>,
    /// The highest 99th percentile of the table's write latency.
    pub write_latency: Option<Duration>,
    /// The highest 99th percentile of a row's age when it was written.
    pub freshness: Option<Duration>,
    /// When the last row was written.
    pub last_row: Option<Timestamp>,
    /// How many dead letters there are.
    pub dead_letters: Option<i64>,
    /// What the processors miss, in their own words.
    pub missing: BTreeSet<String>,
}

/// The producer of a continuous source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Producer {
    /// When a run last ended well.
    pub last_success: Option<Timestamp>,
    /// Whether runs have failed since the producer started and none has ended well.
    pub only_failures: bool,
    /// What the producer misses, in its own words.
    pub missing: BTreeSet<String>,
}

/// What the processors report.
#[must_use]
pub fn processors(observed: &Observed, partitions: u32, now: Timestamp) -> Processors {
    let pods: Vec<&Pod> = observed.pods_of(Component::Processor).filter(|pod| is_working(pod)).collect();
    let reports: Vec<&WorkerReport> = pods.iter().filter_map(|pod| fresh(observed, pod, now)).collect();
    let mut all = Processors::default();
    let mut assigned = BTreeSet::new();
    let mut lag = Some(0u64);
    for report in &reports {
        let status = &report.status.processor;
        let own = status.lag.and_then(|lag| u64::try_from(lag).ok());
        lag = lag.zip(own).map(|(sum, own)| sum.saturating_add(own));
        assigned.extend(status.partitions.iter().flatten().map(|partition| partition.partition));
        all.write_latency =
            all.write_latency.max(status.write_latency.and_then(|of| duration(of.p99_seconds)));
        all.freshness = all.freshness.max(status.freshness.and_then(|of| duration(of.p99_seconds)));
        all.last_row = all.last_row.max(status.last_row_time.and_then(timestamp));
        all.dead_letters = all.dead_letters.max(status.dead_letter_depth);
        all.missing.extend(report.status.missing.iter().cloned());
    }
    let is_complete =
        !pods.is_empty() && reports.len() == pods.len() && assigned.len() >= partitions as usize;
    all.lag = lag.filter(|_| is_complete);
    all
}

/// What the producer reports; `None` while it has not been heard.
#[must_use]
pub fn producer(observed: &Observed, now: Timestamp) -> Option<Producer> {
    let mut pods = observed.pods_of(Component::Producer).filter(|pod| is_working(pod));
    let report = pods.find_map(|pod| fresh(observed, pod, now))?;
    let status = &report.status.producer;
    Some(Producer {
        last_success: status.last_success_time.and_then(timestamp),
        only_failures: status.runs == 0 && status.failed_runs > 0,
        missing: report.status.missing.iter().cloned().collect(),
    })
}

/// Whether a pod's container can work: it has an address and is not on its way out.
#[must_use]
pub fn is_working(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let is_running = status.and_then(|status| status.phase.as_deref()) == Some("Running");
    is_running && pod.metadata.deletion_timestamp.is_none()
}

fn fresh<'a>(observed: &'a Observed, pod: &Pod, now: Timestamp) -> Option<&'a WorkerReport> {
    observed.reports.get(&pod.name_any()).filter(|report| is_fresh(report, now))
}

/// Whether a report says something about now.
#[must_use]
pub fn is_fresh(report: &WorkerReport, now: Timestamp) -> bool {
    now.duration_since(report.at) <= STALE
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn timestamp(millisecond: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millisecond).ok()
}
