//! Whether rows meet the freshness objective.

use userstream_crds::condition::{ConditionType, Reason};

use crate::lifecycle::rollout::RolloutPlan;
use crate::model::input::ValidInput;
use crate::status::condition::{Condition, ConditionStatus};

/// Whether 99 of 100 rows are written within the objective; `None` without an objective.
pub(in crate::status) fn freshness(input: &ValidInput<'_>, rollout: &RolloutPlan) -> Option<Condition> {
    use ConditionStatus::{False, True, Unknown};
    let objective = input.pipeline.freshness?;
    let condition = |status: ConditionStatus, reason, why| {
        let met = match status {
            True => format!("within {objective:?}"),
            False => format!("above {objective:?}"),
            Unknown => format!("unknown, objective {objective:?}"),
        };
        Condition::new(ConditionType::FreshnessMet, status, reason, format!("p99 freshness {met}: {why}"))
    };
    let report = &rollout.processors;
    Some(match (report.freshness, report.lag) {
        _ if input.pipeline.suspend => {
            condition(Unknown, Reason::Suspended, "no row is written while the pipeline is suspended")
        }
        (Some(age), _) if age <= objective => condition(True, Reason::Fresh, "rows meet the objective"),
        (Some(_), _) => condition(False, Reason::Late, "rows are written too late"),
        (None, _) if report.last_row.is_none() => {
            condition(Unknown, Reason::NoRowsYet, "no row was written yet")
        }
        (None, Some(0)) => condition(True, Reason::CaughtUp, "every record is written"),
        (None, Some(_)) => condition(False, Reason::NoRows, "no row was written in the last minute"),
        (None, None) => condition(
            Unknown,
            Reason::UnknownLag,
            "no row was written in the last minute, and the lag is unknown",
        ),
    })
}
