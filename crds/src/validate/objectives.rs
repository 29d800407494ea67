//! `spec.objectives`.

use std::time::Duration;

use crate::resource::observability::ObjectivesSpec;

use super::violations::Violations;

pub(super) fn freshness(
    objectives: &ObjectivesSpec,
    violations: &mut Violations,
) -> Option<Option<Duration>> {
    match objectives.freshness {
        None => Some(None),
        Some(freshness) => violations.positive("spec.objectives.freshness", freshness).map(Some),
    }
}
