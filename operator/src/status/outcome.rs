//! What a reconcile came to, and the conditions of each outcome.

use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::names::PAUSE;
use userstream_crds::status::{Phase, PipelineStatus};

use super::condition::{Condition, ConditionStatus, api_time};
use super::observation::observe;
use super::summary;
use crate::lifecycle::cleanup::Cleanup;
use crate::lifecycle::rollout::RolloutPlan;
use crate::model::conflict::{Conflict, Precedence};
use crate::model::input::Input;
use crate::model::job_state::JobState;
use crate::model::pipeline_key::PipelineKey;

/// What a reconcile came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The user has paused the reconciliation.
    Paused,
    /// The spec breaks rules. The workloads keep running, unless the pipeline is suspended.
    Invalid,
    /// Another pipeline holds a claim of this one. Nothing is started.
    Conflict(Conflict),
    /// What is due of the spec's rollout was applied, or a part of it.
    Reconciled {
        /// What is due.
        rollout: Box<RolloutPlan>,
        /// The changes that mode Apply would make to the pipeline's objects; only in mode Plan.
        dry_run: Vec<String>,
    },
    /// The pipeline is being deleted, and what it created with it.
    CleaningUp(Cleanup),
}

/// Why a write was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyFailure {
    /// The reason of the condition.
    pub reason: Reason,
    /// What is wrong, and the way out.
    pub message: String,
    /// Whether only a change by the user helps.
    pub is_terminal: bool,
}

/// The conditions of an outcome. Updates the other fields of the status.
pub(super) fn conditions(
    input: &Input<'_>,
    outcome: &Outcome,
    failure: Option<&ApplyFailure>,
    status: &mut PipelineStatus,
) -> Vec<Condition> {
    match outcome {
        Outcome::Paused => paused(),
        Outcome::Invalid => invalid(input, failure, status),
        Outcome::Conflict(conflict) => conflicting(input, conflict, failure, status),
        Outcome::Reconciled { rollout, dry_run } => match input.validated {
            Ok(pipeline) => {
                let valid = input.with_pipeline(pipeline);
                observe(status, &valid, rollout, failure.is_none(), dry_run);
                let conditions = summary::reconciled(&valid, rollout, failure);
                status.phase = Some(summary::phase(&valid, rollout, &conditions));
                conditions
            }
            Err(_) => invalid(input, failure, status),
        },
        Outcome::CleaningUp(cleanup) => {
            let (reason, message) = cleaning_up(cleanup);
            status.phase = Some(Phase::Pending);
            summary::in_progress(reason, &message)
        }
    }
}

fn paused() -> Vec<Condition> {
    let message = format!("reconciliation is paused: remove the annotation {PAUSE} to resume it");
    vec![
        Condition::new(ConditionType::ReconciliationPaused, true, Reason::Paused, message.clone()),
        Condition::new(ConditionType::Ready, ConditionStatus::Unknown, Reason::Paused, message),
    ]
}

fn invalid(input: &Input<'_>, failure: Option<&ApplyFailure>, status: &mut PipelineStatus) -> Vec<Condition> {
    let is_suspended = input.resource.spec.suspend;
    status.phase = Some(if is_suspended { Phase::Suspended } else { summary::phase_when_refused(status) });
    let violations = input.validated.err().unwrap_or_default().iter().map(ToString::to_string);
    let texts: Vec<String> = violations.chain(failure.map(|failure| failure.message.clone())).collect();
    summary::refused(Reason::Invalid, &texts.join("; "))
}

fn conflicting(
    input: &Input<'_>,
    conflict: &Conflict,
    failure: Option<&ApplyFailure>,
    status: &mut PipelineStatus,
) -> Vec<Condition> {
    let is_temporary = conflict.precedence == Precedence::Ending;
    status.phase = Some(match input.resource.spec.suspend {
        true => Phase::Suspended,
        false if is_temporary => Phase::Pending,
        false => summary::phase_when_refused(status),
    });
    let failure = failure.map(|failure| failure.message.clone());
    let texts: Vec<String> = [conflict_message(conflict)].into_iter().chain(failure).collect();
    if is_temporary {
        summary::in_progress(Reason::AwaitingEnd, &texts.join("; "))
    } else {
        summary::refused(Reason::Conflict, &texts.join("; "))
    }
}

fn conflict_message(conflict: &Conflict) -> String {
    let Conflict { subject, holder: PipelineKey { namespace, name }, precedence } = conflict;
    // A pipeline that already uses the subject keeps it, even from an older one.
    let older = match precedence {
        Precedence::Ending => {
            return format!(
                "{subject} is still in use by the deleted pipeline {namespace}/{name}: this pipeline starts once its pods have \
                 terminated"
            );
        }
        Precedence::Older => "older ",
        Precedence::First => "",
    };
    format!(
        "{subject} belongs to the {older}pipeline {namespace}/{name}: use another name, or delete that pipeline"
    )
}

fn cleaning_up(cleanup: &Cleanup) -> (Reason, String) {
    match cleanup {
        Cleanup::Done => (Reason::CleanedUp, "what the pipeline created is deleted".to_owned()),
        Cleanup::GivenUp { reason } => (Reason::CleanupGivenUp, reason.clone()),
        Cleanup::Working { job, deadline, .. } => {
            let what = match job {
                JobState::Absent => "the pipeline's workloads are terminating".to_owned(),
                job => job.termination().map_or_else(
                    || "what the pipeline created is being deleted".to_owned(),
                    |last| {
                        format!("deleting what the pipeline created failed and is retried: {}", last.message)
                    },
                ),
            };
            let deadline = api_time(*deadline).0;
            (Reason::CleaningUp, format!("{what}; what is not deleted by {deadline} stays"))
        }
    }
}
