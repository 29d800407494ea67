//! Whether rows are as fresh as they are meant to be.

use crate::lifecycle::rollout::{Situation, Steps};
use crate::status::condition::{Truth, Type, Verdict};

/// Whether rows are as fresh as they are meant to be; `None` without an objective.
pub(in crate::status) fn freshness(situation: &Situation<'_>, steps: &Steps) -> Option<Verdict> {
    let of = Type::FreshnessMet;
    let objective = situation.pipeline.freshness?;
    let verdict = |truth: Truth, reason, is| {
        Verdict::new(
            of,
            truth,
            reason,
            format!("99 of 100 rows {is} within {objective:?} of their record's time"),
        )
    };
    let seen = &steps.processors;
    Some(match seen.freshness {
        _ if situation.pipeline.suspend => {
            verdict(Truth::Unknown, "Suspended", "are not written while suspended; they are meant to be")
        }
        Some(age) if age <= objective => verdict(Truth::True, "Fresh", "are written"),
        Some(_) => verdict(Truth::False, "Late", "are meant to be written, and are not,"),
        // Nothing was written of late: because there was nothing, or because it did not succeed.
        None if seen.last_row.is_none() => verdict(Truth::Unknown, "NoRowsYet", "are meant to be written"),
        None => match seen.lag {
            Some(0) => verdict(Truth::True, "CaughtUp", "are meant to be written; every record is,"),
            Some(_) => verdict(Truth::False, "NoRows", "are meant to be written, and none was of late,"),
            None => {
                verdict(Truth::Unknown, "UnknownLag", "are meant to be written; whether they are is unknown,")
            }
        },
    })
}
