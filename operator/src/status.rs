//! From what became of a reconcile to the status. Pure; every outcome has one.

mod components;
mod condition;
mod observation;
mod slow;
mod summary;
mod urgency;

use jiff::Timestamp;
use userstream_crds::Violation;
use userstream_crds::status::{Phase, PipelineStatus};

use crate::lifecycle::rollout::{RolloutPlan, ValidInput};
use crate::manifest::Cleanup;
use crate::model::job_state::JobState;
use crate::model::pipeline_key::PipelineKey;
use crate::plan::reservations::{Conflict, Precedence};
use condition::{ConditionStatus, Type, Verdict, conditions, seconds};
use observation::observe;
use slow::settled;
use summary::{phase, reconciled};

pub use urgency::{LASTING, LASTING_LONG, UNHURRIED, Urgency, urgency};

/// What became of a reconcile.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// The resource is not of the shape that this operator knows.
    Undecodable(&'a str),
    /// The spec breaks rules. What runs goes on.
    Invalid {
        /// Which ones.
        violations: &'a [Violation],
        /// Whether nothing is to run all the same.
        is_suspended: bool,
        /// Why what runs could not be stopped.
        problem: Option<&'a ApplyFailure>,
    },
    /// Another pipeline has what this one claims. Nothing is started.
    Conflict {
        /// What, and who.
        conflict: &'a Conflict,
        /// Whether nothing is to run all the same.
        is_suspended: bool,
        /// Why what runs could not be stopped.
        problem: Option<&'a ApplyFailure>,
    },
    /// Somebody asked for nothing to be changed.
    Paused,
    /// What is due was applied, or some of it.
    Reconciled {
        /// What it was decided from.
        situation: &'a ValidInput<'a>,
        /// What is due.
        steps: &'a RolloutPlan,
        /// Why it could not be applied whole.
        problem: Option<&'a ApplyFailure>,
        /// What would be changed among the pipeline's objects, in mode Plan.
        object_changes: &'a [String],
    },
    /// The pipeline is being deleted, and what it created with it.
    CleaningUp(&'a Cleanup),
}

/// Why what is due could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyFailure {
    /// A CamelCase name for programs.
    pub reason: &'static str,
    /// What is wrong, and the way out.
    pub message: String,
    /// Whether nothing but a change by the user helps.
    pub is_final: bool,
}

/// The status after this outcome. What an outcome says nothing about stays as it was.
#[must_use]
pub fn status(
    previous: Option<&PipelineStatus>,
    generation: Option<i64>,
    outcome: &Outcome<'_>,
    now: Timestamp,
) -> PipelineStatus {
    let mut status = previous.cloned().unwrap_or_default();
    let mut verdicts = verdicts(outcome, &mut status, now);
    let is_paused = matches!(outcome, Outcome::Paused);
    if is_paused {
        paused(&mut status, verdicts, now);
        return status;
    }
    verdicts.push(Verdict::new(Type::ReconciliationPaused, false, "NotPaused", ""));
    let known = previous.map(|previous| previous.conditions.as_slice()).unwrap_or_default();
    status.conditions = conditions(known, verdicts, generation, now);
    status.observed_generation = generation;
    settled(previous, status, now)
}

/// The reason of a pipeline that is being deleted and whose data is.
const CLEANING_UP: &str = "CleaningUp";

/// Whether a cleanup was under way when this status was written.
#[must_use]
pub fn is_cleaning_up(status: &PipelineStatus) -> bool {
    status.condition(Type::Ready.name()).is_some_and(|ready| ready.reason == CLEANING_UP)
}

/// A paused pipeline keeps the conditions it had: nobody looks whether they still hold.
fn paused(status: &mut PipelineStatus, verdicts: Vec<Verdict>, now: Timestamp) {
    let known = std::mem::take(&mut status.conditions);
    let generation = status.observed_generation;
    let fresh = conditions(&known, verdicts, generation, now);
    let is_pause = |name: &str| name == Type::ReconciliationPaused.name();
    status.conditions = fresh
        .iter()
        .filter(|condition| {
            is_pause(&condition.type_) || !known.iter().any(|old| old.type_ == condition.type_)
        })
        .chain(known.iter().filter(|old| !is_pause(&old.type_)))
        .cloned()
        .collect();
    status.conditions.sort_by_key(|condition| Type::position(&condition.type_));
}

fn verdicts(outcome: &Outcome<'_>, status: &mut PipelineStatus, now: Timestamp) -> Vec<Verdict> {
    let has_workload = status.processor.as_ref().is_some_and(|processor| processor.replicas > 0);
    let phase_when_refused = if has_workload { Phase::Degraded } else { Phase::Failed };
    match outcome {
        Outcome::Undecodable(error) => {
            status.phase = Some(phase_when_refused);
            refused("Undecodable", format!("the resource cannot be read: {error}"))
        }
        Outcome::Invalid { violations, is_suspended, problem } => {
            status.phase = Some(if *is_suspended { Phase::Suspended } else { phase_when_refused });
            let texts = violations.iter().map(ToString::to_string);
            let texts: Vec<String> = texts.chain(problem.map(|problem| problem.message.clone())).collect();
            refused("Invalid", texts.join("; "))
        }
        Outcome::Conflict { conflict, is_suspended, problem } => {
            let is_temporary = conflict.precedence == Precedence::Ending;
            let phase = if is_temporary { Phase::Pending } else { phase_when_refused };
            status.phase = Some(if *is_suspended { Phase::Suspended } else { phase });
            let problem = problem.map(|problem| problem.message.clone());
            let texts: Vec<String> = [conflicting(conflict)].into_iter().chain(problem).collect();
            if is_temporary {
                on_its_way("AwaitingEnd", &texts.join("; "))
            } else {
                refused("Conflict", texts.join("; "))
            }
        }
        Outcome::Paused => {
            let why = format!(
                "the annotation {} is set: nothing is changed or looked at",
                userstream_crds::names::PAUSE
            );
            vec![
                Verdict::new(Type::ReconciliationPaused, true, "Paused", why.clone()),
                Verdict::new(Type::Ready, ConditionStatus::Unknown, "Paused", why),
            ]
        }
        Outcome::Reconciled { situation, steps, problem, object_changes } => {
            observe(status, situation, steps, problem.is_none(), object_changes, now);
            let verdicts = reconciled(situation, steps, *problem);
            status.phase = Some(phase(situation, steps, &verdicts));
            verdicts
        }
        Outcome::CleaningUp(cleanup) => {
            let (reason, message) = cleaning_up(cleanup);
            status.phase = Some(Phase::Pending);
            on_its_way(reason, &message)
        }
    }
}

fn refused(reason: &str, message: String) -> Vec<Verdict> {
    vec![
        Verdict::new(Type::Ready, false, reason, message.clone()),
        Verdict::new(Type::Reconciling, false, reason, ""),
        Verdict::new(Type::Stalled, true, reason, message),
    ]
}

fn on_its_way(reason: &str, message: &str) -> Vec<Verdict> {
    vec![
        Verdict::new(Type::Ready, false, reason, message),
        Verdict::new(Type::Reconciling, true, reason, message),
        Verdict::new(Type::Stalled, false, reason, ""),
    ]
}

fn conflicting(conflict: &Conflict) -> String {
    let Conflict { subject, holder: PipelineKey { namespace, name }, precedence } = conflict;
    // One that works with it already keeps it, also from an older one.
    let other = match precedence {
        Precedence::Ending => {
            return format!(
                "{subject} belonged to the pipeline {namespace}/{name}, which is deleted and whose pods are ending: \
                 this one begins when they have"
            );
        }
        Precedence::Older => "older ",
        Precedence::First => "",
    };
    format!(
        "{subject} belongs to the {other}pipeline {namespace}/{name}: use another name, or delete that pipeline"
    )
}

fn cleaning_up(cleanup: &Cleanup) -> (&'static str, String) {
    match cleanup {
        Cleanup::Done => ("CleanedUp", "what the pipeline created is deleted".to_owned()),
        Cleanup::GivenUp { reason } => ("CleanupGivenUp", reason.clone()),
        Cleanup::Working { job, deadline, .. } => {
            let why = match job {
                JobState::Absent => "the pipeline's workloads are ending".to_owned(),
                job => job.termination().map_or_else(
                    || "what the pipeline created is being deleted".to_owned(),
                    |last| {
                        format!(
                            "deleting what the pipeline created failed and is tried again: {}",
                            last.message
                        )
                    },
                ),
            };
            let until = seconds(*deadline).0;
            (CLEANING_UP, format!("{why}; what is not deleted by {until} stays"))
        }
    }
}
