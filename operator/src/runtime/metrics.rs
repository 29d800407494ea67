//! The operator's own numbers, under controller-runtime's names, so that dashboards made for those show them.

use std::hash::Hash;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// How a reconcile ended, as controller-runtime names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfController {
    controller: &'static str,
}

/// The labels of a queue; it has the name of its controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    name: &'static str,
    controller: &'static str,
}

const CONTROLLER: &str = "userstreampipeline";
const OF_CONTROLLER: OfController = OfController { controller: CONTROLLER };
const OF_QUEUE: OfQueue = OfQueue { name: CONTROLLER, controller: CONTROLLER };

/// The operator's numbers.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<Ended, Counter>,
    errors: Family<OfController, Counter>,
    panics: Family<OfController, Counter>,
    active: Family<OfController, Gauge>,
    at_most: Family<OfController, Gauge>,
    seconds: Timed<OfController>,
    waiting: Family<OfQueue, Gauge>,
    added: Family<OfQueue, Counter>,
    retried: Family<OfQueue, Counter>,
    waited: Timed<OfQueue>,
    worked: Timed<OfQueue>,
    writes: Counter,
    leader: Gauge,
}

/// Durations by their labels.
type Timed<L> = Family<L, Histogram, fn() -> Histogram>;

fn timed<L: Clone + Hash + Eq>() -> Timed<L> {
    fn seconds() -> Histogram {
        Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
    }
    Family::new_with_constructor(seconds)
}

/// Registers numbers that are there from the start with these labels: the first failure of a series that begins with it is no
/// increase to Prometheus.
fn from_the_start<L, M, C>(
    registry: &mut Registry,
    name: &str,
    help: &str,
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

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let it = &mut registry;
        let (own, queue) = (&[OF_CONTROLLER], &[OF_QUEUE]);
        let ends =
            ["success", "requeue_after", "error"].map(|result| Ended { controller: CONTROLLER, result });
        let reconciles = from_the_start(
            it,
            "controller_runtime_reconcile",
            "Reconciles, by how they ended.",
            &ends,
            Family::default(),
        );
        let errors = from_the_start(
            it,
            "controller_runtime_reconcile_errors",
            "Reconciles that failed.",
            own,
            Family::default(),
        );
        let panics = from_the_start(
            it,
            "controller_runtime_reconcile_panics",
            "Reconciles that panicked.",
            own,
            Family::default(),
        );
        let active = from_the_start(
            it,
            "controller_runtime_active_workers",
            "Reconciles under way.",
            own,
            Family::default(),
        );
        let at_most = from_the_start(
            it,
            "controller_runtime_max_concurrent_reconciles",
            "How many reconciles may be under way.",
            own,
            Family::default(),
        );
        let seconds = from_the_start(
            it,
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles take.",
            own,
            timed(),
        );
        let waiting = from_the_start(
            it,
            "workqueue_depth",
            "Pipelines that wait for a reconcile.",
            queue,
            Family::default(),
        );
        let added = from_the_start(
            it,
            "workqueue_adds",
            "Pipelines that were to be reconciled.",
            queue,
            Family::default(),
        );
        let retried = from_the_start(
            it,
            "workqueue_retries",
            "Pipelines that are to be reconciled again because it failed.",
            queue,
            Family::default(),
        );
        let waited = from_the_start(
            it,
            "workqueue_queue_duration_seconds",
            "How long pipelines wait for a reconcile.",
            queue,
            timed(),
        );
        let worked = from_the_start(
            it,
            "workqueue_work_duration_seconds",
            "How long the work on a pipeline takes.",
            queue,
            timed(),
        );
        let (writes, leader) = (Counter::default(), Gauge::default());
        it.register("userstream_operator_writes", "Objects written or deleted.", writes.clone());
        it.register("leader_election_master_status", "1 while this replica is the leader.", leader.clone());
        Self {
            registry,
            reconciles,
            errors,
            panics,
            active,
            at_most,
            seconds,
            waiting,
            added,
            retried,
            waited,
            worked,
            writes,
            leader,
        }
    }
}

impl Metrics {
    /// The page, in the OpenMetrics text format.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub(crate) fn began(&self) {
        self.active.get_or_create(&OF_CONTROLLER).inc();
    }

    pub(crate) fn ended(&self, result: Result<bool, ()>, seconds: f64) {
        self.active.get_or_create(&OF_CONTROLLER).dec();
        self.seconds.get_or_create(&OF_CONTROLLER).observe(seconds);
        self.worked.get_or_create(&OF_QUEUE).observe(seconds);
        let result = match result {
            Ok(false) => "success",
            Ok(true) => "requeue_after",
            Err(()) => {
                self.errors.get_or_create(&OF_CONTROLLER).inc();
                self.retried.get_or_create(&OF_QUEUE).inc();
                "error"
            }
        };
        self.reconciles.get_or_create(&Ended { controller: CONTROLLER, result }).inc();
    }

    /// How many reconciles may be under way at once.
    pub(crate) fn has_workers(&self, at_most: usize) {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        self.at_most.get_or_create(&OF_CONTROLLER).set(at_most);
    }

    /// A pipeline is to be reconciled.
    pub(crate) fn added(&self) {
        self.added.get_or_create(&OF_QUEUE).inc();
    }

    /// So many pipelines wait for it.
    pub(crate) fn waiting(&self, count: usize) {
        self.waiting.get_or_create(&OF_QUEUE).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// One has waited so long.
    pub(crate) fn waited(&self, seconds: f64) {
        self.waited.get_or_create(&OF_QUEUE).observe(seconds);
    }

    pub(crate) fn panicked(&self) {
        self.panics.get_or_create(&OF_CONTROLLER).inc();
    }

    pub(crate) fn wrote(&self, count: usize) {
        self.writes.inc_by(count.try_into().unwrap_or(u64::MAX));
    }

    /// Whether this replica is the leader.
    pub fn leads(&self, is_leader: bool) {
        self.leader.set(is_leader.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_controller_names_it_from_the_start() {
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
