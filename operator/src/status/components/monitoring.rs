//! Whether Prometheus scrapes the workers.

use userstream_crds::condition::{ConditionType, Reason};

use crate::model::input::ValidInput;
use crate::status::condition::Condition;

/// Whether there is a PodMonitor; `None` where the pipeline enables none. `Ready` does not depend on it.
pub(in crate::status) fn monitoring(input: &ValidInput<'_>) -> Option<Condition> {
    let of = ConditionType::MonitoringReady;
    let has_kind = input.settings.kinds.pod_monitor;
    input.pipeline.pod_monitor.then(|| match has_kind {
        true => Condition::new(of, true, Reason::Monitored, "Prometheus scrapes the workers by a PodMonitor"),
        false => Condition::new(
            of,
            false,
            Reason::NoPodMonitor,
            "the cluster has no PodMonitor kind, which observability.podMonitor needs: install the Prometheus operator and restart the userstream operator, or set observability.podMonitor to false",
        ),
    })
}
