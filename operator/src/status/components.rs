//! The parts of a pipeline, each with its verdict.

mod freshness;
mod monitoring;
mod processor;
mod producer;
mod provisioned;

use userstream_crds::names::Component;
use userstream_crds::worker_pod::last_termination;

use crate::model::job_state::start_obstacle;
use crate::model::observed::Observed;

pub(super) use freshness::freshness;
pub(super) use monitoring::monitoring;
pub(super) use processor::processor;
pub(super) use producer::producer;
pub(super) use provisioned::provisioned;

fn first(missing: &std::collections::BTreeSet<String>) -> Option<String> {
    missing.first().cloned()
}

/// Why pods that should be up are not: what the last worker said that failed, or what keeps one from starting.
fn why_not_up(observed: &Observed, component: Component) -> Option<String> {
    let failed = last_termination(observed.pods_of(component)).filter(|ended| ended.exit_code != 0);
    let stopped = || observed.pods_of(component).find_map(start_obstacle);
    failed.map(|ended| ended.message).or_else(|| stopped().map(|obstacle| obstacle.to_string()))
}
