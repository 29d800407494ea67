//! Whether rows are as fresh as they are meant to be.

use crate::lifecycle::rollout::{RolloutPlan, ValidInput};
use crate::status::condition::{ConditionStatus, Type, Verdict};

/// Whether rows are as fresh as they are meant to be; `None` without an objective.
pub(in crate::status) fn freshness(situation: &ValidInput<'_>, steps: &RolloutPlan) -> Option<Verdict> {
    let of = Type::FreshnessMet;
    let objective = situation.pipeline.freshness?;
    let verdict = |truth: ConditionStatus, reason, is| {
        Verdict::new(
            of,
            truth,
            reason,
            format!("99 of 100 rows {is} within {objective:?} of their record's time"),
        )
    };
    let seen = &steps.processors;
    Some(match seen.freshness {
        _ if situation.pipeline.suspend => verdict(
            ConditionStatus::Unknown,
            "Suspended",
            "are not written while suspended; they are meant to be",
        ),
        Some(age) if age <= objective => verdict(ConditionStatus::True, "Fresh", "are written"),
        Some(_) => verdict(ConditionStatus::False, "Late", "are meant to be written, and are not,"),
        // Nothing was written of late: because there was nothing, or because it did not succeed.
        None if seen.last_row.is_none() => {
            verdict(ConditionStatus::Unknown, "NoRowsYet", "are meant to be written")
        }
        None => match seen.lag {
            Some(0) => {
                verdict(ConditionStatus::True, "CaughtUp", "are meant to be written; every record is,")
            }
            Some(_) => {
                verdict(ConditionStatus::False, "NoRows", "are meant to be written, and none was of late,")
            }
            None => verdict(
                ConditionStatus::Unknown,
                "UnknownLag",
                "are meant to be written; whether they are is unknown,",
            ),
        },
    })
}
