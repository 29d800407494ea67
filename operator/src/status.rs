//! The status of a pipeline, from what a reconcile came to. Pure: every outcome has a status. Imports
//! [`model`](crate::model) and [`lifecycle`](crate::lifecycle).

mod components;
mod condition;
mod observation;
mod outcome;
pub mod pipeline_sample;
mod summary;
pub mod throttle;

use jiff::Timestamp;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::status::PipelineStatus;

use crate::model::input::Input;
use condition::{Condition, api_conditions, position};

pub use outcome::{ApplyFailure, Outcome};

/// The status after an outcome, of which a write may have failed. What the outcome does not determine stays as it was.
#[must_use]
pub fn status(input: &Input<'_>, outcome: &Outcome, failure: Option<&ApplyFailure>) -> PipelineStatus {
    let previous = input.resource.status.as_ref();
    let mut next = previous.cloned().unwrap_or_default();
    let conditions = outcome::conditions(input, outcome, failure, &mut next);
    if matches!(outcome, Outcome::Paused) {
        keep_conditions(&mut next, conditions, input.now);
        return next;
    }
    with_conditions(previous, next, conditions, input.resource.metadata.generation, input.now)
}

/// The status of a resource that this operator cannot read.
#[must_use]
pub fn undecodable(
    previous: Option<&PipelineStatus>,
    generation: Option<i64>,
    error: &str,
    now: Timestamp,
) -> PipelineStatus {
    let mut next = previous.cloned().unwrap_or_default();
    next.phase = Some(summary::phase_when_refused(&next));
    let conditions = summary::refused(Reason::Undecodable, &format!("the resource cannot be read: {error}"));
    with_conditions(previous, next, conditions, generation, now)
}

fn with_conditions(
    previous: Option<&PipelineStatus>,
    mut next: PipelineStatus,
    mut conditions: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
) -> PipelineStatus {
    conditions.push(Condition::new(ConditionType::ReconciliationPaused, false, Reason::NotPaused, ""));
    let known = previous.map(|previous| previous.conditions.as_slice()).unwrap_or_default();
    next.conditions = api_conditions(known, conditions, generation, now);
    next.observed_generation = generation;
    throttle::without_insignificant_changes(previous, next, now)
}

/// A paused pipeline keeps its conditions, because nothing checks whether they still hold.
fn keep_conditions(status: &mut PipelineStatus, conditions: Vec<Condition>, now: Timestamp) {
    let known = std::mem::take(&mut status.conditions);
    let new = api_conditions(&known, conditions, status.observed_generation, now);
    let is_pause = |type_: &str| type_ == ConditionType::ReconciliationPaused.name();
    let is_new = |type_: &str| is_pause(type_) || !known.iter().any(|before| before.type_ == type_);
    status.conditions = new
        .iter()
        .filter(|condition| is_new(&condition.type_))
        .chain(known.iter().filter(|before| !is_pause(&before.type_)))
        .cloned()
        .collect();
    status.conditions.sort_by_key(position);
}
