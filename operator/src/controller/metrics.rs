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

const CONTROLLER: &str = "userstreampipeline";

/// The operator's numbers.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<Ended, Counter>,
    errors: Family<OfController, Counter>,
    panics: Family<OfController, Counter>,
    active: Family<OfController, Gauge>,
    seconds: Family<OfController, Histogram, fn() -> Histogram>,
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
            seconds: Family::new_with_constructor(durations),
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
        drop(metrics.seconds.get_or_create(&of));
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
        let result = match result {
            Ok(false) => "success",
            Ok(true) => "requeue_after",
            Err(()) => {
                self.errors.get_or_create(&of).inc();
                "error"
            }
        };
        self.reconciles.get_or_create(&Ended { controller: CONTROLLER, result }).inc();
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
        let of_controller = |line: &&str| line.starts_with("controller_runtime_");
        let lines: Vec<&str> = text.lines().filter(of_controller).collect();
        assert!(lines.len() > 10, "{text}");
        for line in lines {
            assert!(line.contains(r#"controller="userstreampipeline""#), "{line}");
        }
    }
}
