//! The operator's own numbers, under controller-runtime's names, so that dashboards made for those show them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

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
    seconds: Family<OfController, Histogram, fn() -> Histogram>,
    waiting: Family<OfQueue, Gauge>,
    added: Family<OfQueue, Counter>,
    retried: Family<OfQueue, Counter>,
    waited: Family<OfQueue, Histogram, fn() -> Histogram>,
    worked: Family<OfQueue, Histogram, fn() -> Histogram>,
    writes: Counter,
    leader: Gauge,
}

fn durations() -> Histogram {
    Histogram::new([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            reconciles: Family::default(),
            errors: Family::default(),
            panics: Family::default(),
            active: Family::default(),
            at_most: Family::default(),
            seconds: Family::new_with_constructor(durations),
            waiting: Family::default(),
            added: Family::default(),
            retried: Family::default(),
            waited: Family::new_with_constructor(durations),
            worked: Family::new_with_constructor(durations),
            writes: Counter::default(),
            leader: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "controller_runtime_reconcile",
            "Reconciles, by how they ended.",
            metrics.reconciles.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Reconciles that failed.",
            metrics.errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_panics",
            "Reconciles that panicked.",
            metrics.panics.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Reconciles under way.",
            metrics.active.clone(),
        );
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "How many reconciles may be under way.",
            metrics.at_most.clone(),
        );
        registry.register("workqueue_depth", "Pipelines that wait for a reconcile.", metrics.waiting.clone());
        registry.register("workqueue_adds", "Pipelines that were to be reconciled.", metrics.added.clone());
        registry.register(
            "workqueue_retries",
            "Pipelines that are to be reconciled again because it failed.",
            metrics.retried.clone(),
        );
        registry.register(
            "workqueue_queue_duration_seconds",
            "How long pipelines wait for a reconcile.",
            metrics.waited.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "How long the work on a pipeline takes.",
            metrics.worked.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "How long reconciles take.",
            metrics.seconds.clone(),
        );
        registry.register(
            "userstream_operator_writes",
            "Objects written or deleted.",
            metrics.writes.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "1 while this replica is the leader.",
            metrics.leader.clone(),
        );
        // Present from the start: the first failure of a series that begins with it is no increase to Prometheus.
        let of = OfController { controller: CONTROLLER };
        for failures in [&metrics.errors, &metrics.panics] {
            drop(failures.get_or_create(&of));
        }
        for result in ["success", "requeue_after", "error"] {
            drop(metrics.reconciles.get_or_create(&Ended { controller: CONTROLLER, result }));
        }
        drop(metrics.active.get_or_create(&of));
        drop(metrics.at_most.get_or_create(&of));
        drop(metrics.seconds.get_or_create(&of));
        drop(metrics.waiting.get_or_create(&OF_QUEUE));
        for counted in [&metrics.added, &metrics.retried] {
            drop(counted.get_or_create(&OF_QUEUE));
        }
        for lasted in [&metrics.waited, &metrics.worked] {
            drop(lasted.get_or_create(&OF_QUEUE));
        }
        metrics
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

    pub(super) fn began(&self) {
        self.active.get_or_create(&OfController { controller: CONTROLLER }).inc();
    }

    pub(super) fn ended(&self, result: Result<bool, ()>, seconds: f64) {
        let of = OfController { controller: CONTROLLER };
        self.active.get_or_create(&of).dec();
        self.seconds.get_or_create(&of).observe(seconds);
        self.worked.get_or_create(&OF_QUEUE).observe(seconds);
        let result = match result {
            Ok(false) => "success",
            Ok(true) => "requeue_after",
            Err(()) => {
                self.errors.get_or_create(&of).inc();
                self.retried.get_or_create(&OF_QUEUE).inc();
                "error"
            }
        };
        self.reconciles.get_or_create(&Ended { controller: CONTROLLER, result }).inc();
    }

    /// How many reconciles may be under way at once.
    pub(super) fn has_workers(&self, at_most: usize) {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        self.at_most.get_or_create(&OfController { controller: CONTROLLER }).set(at_most);
    }

    /// A pipeline is to be reconciled.
    pub(super) fn added(&self) {
        self.added.get_or_create(&OF_QUEUE).inc();
    }

    /// So many pipelines wait for it.
    pub(super) fn waiting(&self, count: usize) {
        self.waiting.get_or_create(&OF_QUEUE).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// One has waited so long.
    pub(super) fn waited(&self, seconds: f64) {
        self.waited.get_or_create(&OF_QUEUE).observe(seconds);
    }

    pub(super) fn panicked(&self) {
        self.panics.get_or_create(&OfController { controller: CONTROLLER }).inc();
    }

    pub(super) fn wrote(&self, count: usize) {
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
