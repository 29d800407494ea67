//! `spec.objectives`.

use std::time::Duration;

use crate::resource::observability::ObjectivesSpec;

use super::report::Report;

pub(super) fn freshness(objectives: &ObjectivesSpec, report: &mut Report) -> Option<Option<Duration>> {
    match objectives.freshness {
        None => Some(None),
        Some(freshness) => report.positive("spec.objectives.freshness", freshness).map(Some),
    }
}
