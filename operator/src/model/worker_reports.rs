//! The reports of a pipeline's workers, aggregated. A value that one worker does not report is unknown for the
//! pipeline.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use userstream_crds::names::Component;
use userstream_crds::worker_status::WorkerStatus;

use super::observed::{Observed, WorkerReport};

/// A report older than this is stale.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(120);

/// Dead letters that their topic did not accept as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncompleteLetters {
    /// How many it accepted only truncated, since the workers started.
    pub truncated: u64,
    /// How many it refuses in every form, and that wait for it.
    pub refused: u64,
}

impl IncompleteLetters {
    fn of(status: &WorkerStatus) -> Self {
        Self { truncated: status.truncated_dead_letters, refused: status.refused_dead_letters }
    }

    /// These and the others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self {
            truncated: self.truncated.saturating_add(others.truncated),
            refused: self.refused.saturating_add(others.refused),
        }
    }
}

/// The reports of all processors, aggregated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessorsReport {
    /// How many records are not written yet; `None` unless the reports cover every partition of the topic.
    pub lag: Option<u64>,
    /// How many partitions the topic has; `None` while unknown.
    pub partitions: Option<u32>,
    /// The highest 99th percentile of the write latency to the table.
    pub write_latency: Option<Duration>,
    /// The highest 99th percentile of a row's age when it was written.
    pub freshness: Option<Duration>,
    /// When the last row was written.
    pub last_row: Option<Timestamp>,
    /// How many dead letters there are.
    pub dead_letters: Option<i64>,
    /// The dead letters that their topic did not accept as they are.
    pub letters: IncompleteLetters,
    /// The dependencies that processors miss, as they report them.
    pub missing: BTreeSet<String>,
}

/// The report of the producer of a continuous source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducerReport {
    /// When a run last succeeded.
    pub last_success: Option<Timestamp>,
    /// Whether runs have failed since the producer started and none has succeeded.
    pub only_failures: bool,
    /// The dead letters that their topic did not accept as they are.
    pub letters: IncompleteLetters,
    /// The dependencies that the producer misses, as it reports them.
    pub missing: BTreeSet<String>,
}

/// The reports of the processors.
#[must_use]
pub fn processors(observed: &Observed, now: Timestamp) -> ProcessorsReport {
    let pods: Vec<&Pod> = observed.pods_of(Component::Processor).filter(|pod| is_running(pod)).collect();
    let reports: Vec<&WorkerReport> =
        pods.iter().filter_map(|pod| fresh_report(observed, pod, now)).collect();
    let mut all = ProcessorsReport::default();
    let mut assigned = BTreeSet::new();
    let mut lag = Some(0u64);
    for report in &reports {
        let status = &report.status.processor;
        let own = status.lag.and_then(|lag| u64::try_from(lag).ok());
        lag = lag.zip(own).map(|(sum, own)| sum.saturating_add(own));
        assigned.extend(report.assigned.iter().flat_map(|all| all.iter().copied()));
        // A processor discovers new partitions a little later than another.
        all.partitions = all.partitions.max(status.topic_partitions);
        all.write_latency =
            all.write_latency.max(status.write_latency.and_then(|of| duration(of.p99_seconds)));
        all.freshness = all.freshness.max(status.freshness.and_then(|of| duration(of.p99_seconds)));
        all.last_row = all.last_row.max(status.last_row_time.and_then(timestamp));
        all.dead_letters = all.dead_letters.max(status.dead_letter_depth);
        all.letters = all.letters.and(IncompleteLetters::of(&report.status));
        all.missing.extend(report.status.missing.iter().cloned());
    }
    let is_assigned = all.partitions.is_some_and(|count| assigned.len() >= count as usize);
    let is_complete = !pods.is_empty() && reports.len() == pods.len() && is_assigned;
    all.lag = lag.filter(|_| is_complete);
    all
}

/// The report of the producer; `None` without a fresh one.
#[must_use]
pub fn producer(observed: &Observed, now: Timestamp) -> Option<ProducerReport> {
    let mut pods = observed.pods_of(Component::Producer).filter(|pod| is_running(pod));
    let report = pods.find_map(|pod| fresh_report(observed, pod, now))?;
    let status = &report.status.producer;
    Some(ProducerReport {
        last_success: status.last_success_time.and_then(timestamp),
        only_failures: status.runs == 0 && status.failed_runs > 0,
        letters: IncompleteLetters::of(&report.status),
        missing: report.status.missing.iter().cloned().collect(),
    })
}

/// Whether a pod runs and is not terminating.
#[must_use]
pub fn is_running(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let is_running = status.and_then(|status| status.phase.as_deref()) == Some("Running");
    is_running && pod.metadata.deletion_timestamp.is_none()
}

fn fresh_report<'a>(observed: &'a Observed, pod: &Pod, now: Timestamp) -> Option<&'a WorkerReport> {
    observed.reports.get(&pod.name_any()).filter(|report| is_fresh(report, now))
}

/// Whether a report is not stale.
#[must_use]
pub fn is_fresh(report: &WorkerReport, now: Timestamp) -> bool {
    now.duration_since(report.at) <= STALE_AFTER
}

/// Whether a worker's new report differs too little from the one before to trigger a reconcile: no value has appeared
/// or disappeared, and no number has doubled or halved. Later reconciles pick up the times and the smaller steps.
#[must_use]
pub fn is_equivalent(before: &WorkerReport, now: &WorkerReport) -> bool {
    coarse(before) == coarse(now)
}

fn coarse(report: &WorkerReport) -> impl PartialEq {
    let WorkerStatus { ready, missing, producer, processor, .. } = &report.status;
    let letters = IncompleteLetters::of(&report.status);
    let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).map(magnitude);
    let milliseconds =
        |seconds: f64| duration(seconds).and_then(|it| u64::try_from(it.as_millis()).ok()).map(magnitude);
    (
        (*ready, missing.clone(), report.assigned.clone(), processor.topic_partitions),
        (count(processor.lag), count(processor.dead_letter_depth)),
        processor.write_latency.map(|of| milliseconds(of.p99_seconds)),
        processor.freshness.map(|of| milliseconds(of.p99_seconds)),
        (processor.last_row_time.is_some(), producer.last_success_time.is_some()),
        (producer.runs == 0, producer.failed_runs == 0),
        (letters.truncated > 0, letters.refused > 0),
    )
}

/// How many binary digits a number has.
const fn magnitude(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn timestamp(millisecond: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millisecond).ok()
}

#[cfg(test)]
pub(crate) use tests::idle_worker;

#[cfg(test)]
mod tests {
    use userstream_crds::worker_status::{ErrorCount, Partition, Quantiles};

    use super::*;

    pub(crate) fn idle_worker() -> WorkerStatus {
        serde_json::from_value(serde_json::json!({
            "ready": true, "missing": [], "errors": [],
            "producer": {
                "pages": 0, "read": 0, "appended": 0, "deadLettered": 0, "skipped": 0, "runs": 0, "failedRuns": 0,
            },
            "processor": {
                "read": 0, "filtered": 0, "written": 0, "retries": 0, "deadLettered": 0, "skipped": 0,
            },
        }))
        .unwrap()
    }

    fn report(status: WorkerStatus) -> WorkerReport {
        WorkerReport::new(Timestamp::UNIX_EPOCH, status)
    }

    fn busy_worker() -> WorkerStatus {
        let mut status = idle_worker();
        let partition = Partition {
            partition: 0,
            position: None,
            committed: Some(5),
            high_watermark: Some(9),
            lag: Some(4),
        };
        let quantiles = Quantiles { p50_seconds: 0.010, p99_seconds: 0.020 };
        let processor = &mut status.processor;
        (processor.partitions, processor.lag, processor.read) = (Some(vec![partition]), Some(300), 5);
        (processor.freshness, processor.write_latency) = (Some(quantiles), Some(quantiles));
        (processor.dead_letter_depth, processor.last_row_time) = (Some(0), Some(1_800_000_000_000));
        (status.producer.runs, status.producer.last_success_time) = (7, Some(1_800_000_000_000));
        status
    }

    #[test]
    fn small_changes_of_numbers_trigger_no_reconcile() {
        let before = busy_worker();
        let mut now = before.clone();
        let processor = &mut now.processor;
        (processor.read, processor.written, processor.lag) = (5_000, 4_000, Some(500));
        (processor.last_row_time, now.producer.last_success_time) =
            (Some(1_800_000_030_000), Some(1_800_000_030_000));
        (now.producer.runs, now.producer.pages) = (8, 100);
        processor.freshness = Some(Quantiles { p50_seconds: 0.011, p99_seconds: 0.029 });
        if let Some(all) = &mut processor.partitions {
            (all[0].committed, all[0].high_watermark) = (Some(5_005), Some(5_009));
        }
        assert_ne!(now, before);
        assert!(is_equivalent(&report(before), &report(now)));
    }

    #[test]
    fn values_that_can_change_a_decision_trigger_a_reconcile() {
        type Edit = fn(&mut WorkerStatus);
        let edits: [Edit; 17] = [
            |it| it.ready = false,
            |it| it.missing.push("table: no node answers".to_owned()),
            |it| it.processor.partitions = None,
            |it| it.processor.partitions.as_mut().unwrap()[0].partition = 1,
            |it| it.processor.topic_partitions = Some(7),
            |it| it.processor.lag = None,
            |it| it.processor.lag = Some(0),
            |it| it.processor.lag = Some(600),
            |it| it.processor.dead_letter_depth = Some(1),
            |it| it.processor.write_latency = None,
            |it| it.processor.write_latency.as_mut().unwrap().p99_seconds = 0.040,
            |it| it.processor.freshness.as_mut().unwrap().p99_seconds = 61.0,
            |it| it.processor.last_row_time = None,
            |it| it.producer.last_success_time = None,
            |it| it.producer.runs = 0,
            |it| it.truncated_dead_letters = 1,
            |it| it.refused_dead_letters = 1,
        ];
        for (number, edit) in edits.into_iter().enumerate() {
            let mut now = busy_worker();
            edit(&mut now);
            assert!(!is_equivalent(&report(busy_worker()), &report(now)), "edit {number}");
        }
        let mut now = busy_worker();
        now.producer.failed_runs = 1;
        assert!(!is_equivalent(&report(busy_worker()), &report(now)));
    }

    #[test]
    fn report_keeps_no_more_than_decisions_use() {
        let mut status = busy_worker();
        let partition = status.processor.partitions.as_ref().unwrap()[0];
        status.processor.partitions = Some(vec![partition; 10_000]);
        status.missing = vec!["é".repeat(50_000); 1_000];
        let error = ErrorCount { place: "p".repeat(50_000), cause: "c".repeat(50_000), count: 1 };
        status.errors = vec![error; 1_000];
        let kept = report(status);
        let missing: usize = kept.status.missing.iter().map(String::capacity).sum();
        assert!(missing <= 1_600 && kept.status.missing.len() == 8, "{missing} bytes");
        assert_eq!((kept.status.errors.capacity(), kept.status.processor.partitions.as_ref()), (0, None));
        assert_eq!(kept.assigned.map(|all| size_of_val(&*all)), Some(40_000));
    }
}
