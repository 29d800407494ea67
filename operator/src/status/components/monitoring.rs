//! Whether the workers are scraped.

use crate::lifecycle::rollout::ValidInput;
use crate::status::condition::{Type, Verdict};

/// Whether there is a PodMonitor; `None` where none is asked for. Records flow without one, so that nothing else waits for it.
pub(in crate::status) fn monitoring(situation: &ValidInput<'_>) -> Option<Verdict> {
    let of = Type::MonitoringReady;
    let has_kind = situation.settings.kinds.pod_monitor;
    situation.pipeline.pod_monitor.then(|| match has_kind {
        true => Verdict::new(of, true, "Monitored", "a PodMonitor has the workers scraped"),
        false => Verdict::new(
            of,
            false,
            "NoPodMonitor",
            "observability.podMonitor is set, but the cluster has no PodMonitor kind: install the Prometheus operator and restart this one",
        ),
    })
}
