//! The operator's metrics, under controller-runtime's names, so that dashboards made for controllers show them.

mod pipelines;

use std::hash::Hash;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use pipelines::PipelineSamples;

/// The labels of a reconcile by its result, as controller-runtime names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

/// The labels of a workqueue, which has the name of its controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQueue {
    name: &'static str,
    controller: &'static str,
}

const CONTROLLER: &str = "userstreampipeline";
const BY_CONTROLLER: ByController = ByController { controller: CONTROLLER };
const BY_QUEUE: ByQueue = ByQueue { name: CONTROLLER, controller: CONTROLLER };

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReconcileResult {
    Success,
    RequeueAfter,
    Error,
}

impl ReconcileResult {
    const ALL: [Self; 3] = [Self::Success, Self::RequeueAfter, Self::Error];

    const fn labels(self) -> ByResult {
        let result = match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        };
        ByResult { controller: CONTROLLER, result }
    }
}

/// Durations by their labels.
type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

fn durations<L: Clone + Hash + Eq>() -> Durations<L> {
    fn seconds() -> Histogram {
        Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
    }
    Family::new_with_constructor(seconds)
}

/// The operator's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: ReconcileMetrics,
    queue: QueueMetrics,
    writes: Counter,
    leader: Gauge,
    /// What is reported of each pipeline.
    pub(crate) pipelines: PipelineSamples,
}

#[derive(Debug)]
struct ReconcileMetrics {
    total: Family<ByResult, Counter>,
    errors: Family<ByController, Counter>,
    panics: Family<ByController, Counter>,
    active: Family<ByController, Gauge>,
    max_concurrent: Family<ByController, Gauge>,
    seconds: Durations<ByController>,
}

#[derive(Debug)]
struct QueueMetrics {
    depth: Family<ByQueue, Gauge>,
    adds: Family<ByQueue, Counter>,
    retries: Family<ByQueue, Counter>,
    waited: Durations<ByQueue>,
    worked: Durations<ByQueue>,
}

/// Registers a metric whose series exist from the start: to Prometheus the first failure of a series that starts with
/// it is no increase.
fn register<L, M, C>(
    registry: &mut Registry,
    (name, help): (&str, &str),
    labels: &[L],
    family: Family<L, M, C>,
) -> Family<L, M, C>
where
    L: Clone + Hash + Eq,
    M: Clone,
    C: MetricConstructor<M>,
    Family<L, M, C>: Metric + Clone,
{
    for of in labels {
        drop(family.get_or_create(of));
    }
    registry.register(name, help, family.clone());
    family
}

impl ReconcileMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let own = &[BY_CONTROLLER];
        let results = ReconcileResult::ALL.map(ReconcileResult::labels);
        let total = ("controller_runtime_reconcile", "Reconciles by result");
        let errors = ("controller_runtime_reconcile_errors", "Failed reconciles");
        let panics = ("controller_runtime_reconcile_panics", "Panicked reconciles");
        let active = ("controller_runtime_active_workers", "Reconciles in progress");
        let most = ("controller_runtime_max_concurrent_reconciles", "The limit of concurrent reconciles");
        let seconds = ("controller_runtime_reconcile_time_seconds", "The duration of reconciles");
        Self {
            total: register(registry, total, &results, Family::default()),
            errors: register(registry, errors, own, Family::default()),
            panics: register(registry, panics, own, Family::default()),
            active: register(registry, active, own, Family::default()),
            max_concurrent: register(registry, most, own, Family::default()),
            seconds: register(registry, seconds, own, durations()),
        }
    }
}

impl QueueMetrics {
    fn registered(registry: &mut Registry) -> Self {
        let own = &[BY_QUEUE];
        let depth = ("workqueue_depth", "Pipelines that wait for a reconcile");
        let adds = ("workqueue_adds", "Pipelines added to the workqueue");
        let retries = ("workqueue_retries", "Pipelines requeued because their reconcile failed");
        let waited = ("workqueue_queue_duration_seconds", "How long pipelines wait for a reconcile");
        let worked = ("workqueue_work_duration_seconds", "How long processing a pipeline takes");
        Self {
            depth: register(registry, depth, own, Family::default()),
            adds: register(registry, adds, own, Family::default()),
            retries: register(registry, retries, own, Family::default()),
            waited: register(registry, waited, own, durations()),
            worked: register(registry, worked, own, durations()),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let reconciles = ReconcileMetrics::registered(&mut registry);
        let queue = QueueMetrics::registered(&mut registry);
        let (writes, leader) = (Counter::default(), Gauge::default());
        registry.register(
            "userstream_operator_writes",
            "Objects and statuses written or deleted",
            writes.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "1 while this replica is the leader",
            leader.clone(),
        );
        let pipelines = PipelineSamples::default();
        registry.register_collector(Box::new(pipelines.clone()));
        Self { registry, reconciles, queue, writes, leader, pipelines }
    }
}

impl Metrics {
    /// The metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When they cannot be formatted.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts a reconcile that starts.
    pub(crate) fn started(&self) {
        self.reconciles.active.get_or_create(&BY_CONTROLLER).inc();
    }

    /// Counts a reconcile that has ended after so many seconds.
    pub(crate) fn ended(&self, result: ReconcileResult, seconds: f64) {
        self.reconciles.active.get_or_create(&BY_CONTROLLER).dec();
        self.reconciles.seconds.get_or_create(&BY_CONTROLLER).observe(seconds);
        self.queue.worked.get_or_create(&BY_QUEUE).observe(seconds);
        if result == ReconcileResult::Error {
            self.reconciles.errors.get_or_create(&BY_CONTROLLER).inc();
            self.queue.retries.get_or_create(&BY_QUEUE).inc();
        }
        self.reconciles.total.get_or_create(&result.labels()).inc();
    }

    /// Counts a reconcile that has panicked.
    pub(crate) fn panicked(&self) {
        self.reconciles.panics.get_or_create(&BY_CONTROLLER).inc();
    }

    /// Sets the limit of concurrent reconciles.
    pub(crate) fn max_concurrent(&self, limit: usize) {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.reconciles.max_concurrent.get_or_create(&BY_CONTROLLER).set(limit);
    }

    /// Counts a pipeline that is added to the workqueue.
    pub(crate) fn added(&self) {
        self.queue.adds.get_or_create(&BY_QUEUE).inc();
    }

    /// Sets how many pipelines wait.
    pub(crate) fn depth(&self, count: usize) {
        self.queue.depth.get_or_create(&BY_QUEUE).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Records how many seconds a pipeline has waited.
    pub(crate) fn waited(&self, seconds: f64) {
        self.queue.waited.get_or_create(&BY_QUEUE).observe(seconds);
    }

    /// Counts writes.
    pub(crate) fn wrote(&self, count: usize) {
        self.writes.inc_by(count.try_into().unwrap_or(u64::MAX));
    }

    /// Sets whether this replica is the leader.
    pub fn set_leader(&self, is_leader: bool) {
        self.leader.set(is_leader.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_of_the_controller_exists_from_the_start() {
        let text = Metrics::default().encode().unwrap();
        let of_controller =
            |line: &&str| ["controller_runtime_", "workqueue_"].iter().any(|it| line.starts_with(it));
        let lines: Vec<&str> = text.lines().filter(of_controller).collect();
        assert!(lines.len() > 20, "{text}");
        for line in lines {
            assert!(line.contains(r#"controller="userstreampipeline""#), "{line}");
        }
    }
}
