//! The conditions of a pipeline's components.

mod dead_letters;
mod freshness;
mod monitoring;
mod processor;
mod producer;
mod provisioned;

use std::collections::BTreeSet;

use userstream_crds::names::Component;
use userstream_crds::worker_pod::last_termination;

use crate::model::job_state::start_obstacle;
use crate::model::observed::Observed;

pub(super) use dead_letters::dead_letters;
pub(super) use freshness::freshness;
pub(super) use monitoring::monitoring;
pub(super) use processor::processor;
pub(super) use producer::producer;
pub(super) use provisioned::provisioned;

fn first(missing: &BTreeSet<String>) -> Option<String> {
    missing.first().cloned()
}

/// A cause as the end of a message.
fn because(cause: Option<String>) -> String {
    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// Why pods of a component are not available: the last failure that a worker reported, or what keeps a pod from
/// starting.
fn why_unavailable(observed: &Observed, component: Component) -> Option<String> {
    let failed = last_termination(observed.pods_of(component)).filter(|ended| ended.exit_code != 0);
    let obstacle = || observed.pods_of(component).find_map(start_obstacle);
    failed.map(|ended| ended.message).or_else(|| obstacle().map(|obstacle| obstacle.to_string()))
}
