//! What a reconcile writes, in which order, and what the status reports afterwards: one pure function of what was
//! observed, [`Decision::of`]. The runtime carries it out. Imports every pure layer.

mod deletion;
mod dry_run;
pub mod reservations;

use jiff::Timestamp;
use userstream_crds::names::Component;
use userstream_crds::status::PipelineStatus;

use crate::diff::object_write::{ObjectWrite, writes};
use crate::lifecycle::autoscaling::ScalingReason;
use crate::lifecycle::cleanup::deletes_anything;
use crate::lifecycle::rollout::RolloutPlan;
use crate::manifest::{self, Desired};
use crate::model::input::{Input, has_finalizer, is_paused};
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::workload::desired_replicas;
use crate::status::{ApplyFailure, Outcome, status};

/// What a reconcile comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// There is nothing to do: the pipeline is being deleted, and does not have the finalizer.
    Nothing,
    /// The finalizer is removed, and with it the pipeline is gone.
    Release(Release),
    /// A plan is carried out.
    Apply(Box<Plan>),
}

/// The removal of a pipeline's finalizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Why what the pipeline created stays against its deletion policies. An Event reports it.
    pub given_up: Option<String>,
}

/// What a reconcile writes: first the finalizer, then the objects, then the status.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whether the finalizer is added or removed; `None`: neither.
    pub finalizer: Option<bool>,
    /// The writes of objects, in order.
    pub writes: Vec<ObjectWrite>,
    /// When to reconcile again although nothing has changed.
    pub requeue_at: Option<Timestamp>,
    /// Since when the lag has called for fewer processors; input of the next reconcile.
    pub low_since: Option<Timestamp>,
    outcome: Outcome,
}

impl Decision {
    /// Decides what a reconcile writes.
    #[must_use]
    pub fn of(input: &Input<'_>) -> Self {
        if input.resource.metadata.deletion_timestamp.is_some() {
            return deletion::decide(input);
        }
        if is_paused(input.resource) {
            return Self::report(Outcome::Paused);
        }
        // The workloads of a refused spec keep running, unless it suspends them.
        let refused = |outcome| match input.resource.spec.suspend {
            true => Self::apply(Desired::everything_stopped(input.observed), input, outcome),
            false => Self::report(outcome),
        };
        let Ok(pipeline) = input.validated else { return refused(Outcome::Invalid) };
        if let Some(conflict) = input.conflict {
            return refused(Outcome::Conflict(conflict.clone()));
        }
        let valid = input.with_pipeline(pipeline);
        let rollout = RolloutPlan::of(&valid);
        let owned = input.owned();
        let dry_run = match rollout.plan {
            Some(_) => dry_run::changes(input, pipeline, &owned),
            None => Vec::new(),
        };
        let wants_finalizer = deletes_anything(pipeline);
        let has_changed = has_finalizer(input.resource) != wants_finalizer;
        Self::Apply(Box::new(Plan {
            finalizer: has_changed.then_some(wants_finalizer),
            writes: writes(manifest::build(&valid, &rollout), &owned),
            requeue_at: None,
            low_since: rollout.scaling.and_then(|decision| decision.low_since),
            outcome: Outcome::Reconciled { rollout: Box::new(rollout), dry_run },
        }))
    }

    /// Writes nothing but the status.
    fn report(outcome: Outcome) -> Self {
        let (finalizer, writes, requeue_at, low_since) = (None, Vec::new(), None, None);
        Self::Apply(Box::new(Plan { finalizer, writes, requeue_at, low_since, outcome }))
    }

    fn apply(desired: Desired, input: &Input<'_>, outcome: Outcome) -> Self {
        let (finalizer, requeue_at, low_since) = (None, None, input.low_since);
        let writes = writes(desired, &input.owned());
        Self::Apply(Box::new(Plan { finalizer, writes, requeue_at, low_since, outcome }))
    }
}

impl Plan {
    /// The status after the writes, of which one may have failed.
    #[must_use]
    pub fn status(&self, input: &Input<'_>, failure: Option<&ApplyFailure>) -> PipelineStatus {
        status(input, &self.outcome, failure)
    }

    /// Why the writes add or remove processors; `None` unless autoscaling decides their number and it changes.
    #[must_use]
    pub fn scaling(&self, input: &Input<'_>) -> Option<ScalingReason> {
        let Outcome::Reconciled { rollout, .. } = &self.outcome else { return None };
        let decision = rollout.scaling.filter(|decision| decision.replicas == rollout.replicas)?;
        let name = Names(&input.validated.ok()?.name).of(Component::Processor);
        let before = desired_replicas(input.observed.deployment(&name)?);
        // A pipeline that resumes starts as many processors as autoscaling decides, which is no scaling.
        let is_scaled = before > 0 && u32::try_from(before) != Ok(decision.replicas);
        let is_written =
            self.writes.iter().any(|write| write.kind() == Kind::Deployment && write.name() == name);
        (is_scaled && is_written).then_some(decision.reason)
    }

    /// The release of a deleted pipeline whose namespace is terminating: the cleanup Job can no longer be created
    /// there.
    #[must_use]
    pub fn release_in_terminating_namespace(&self) -> Option<Release> {
        let reason = || "the namespace is being deleted: what the pipeline created stays".to_owned();
        matches!(self.outcome, Outcome::CleaningUp(_)).then(|| Release { given_up: Some(reason()) })
    }
}
