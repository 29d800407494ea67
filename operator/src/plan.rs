//! One look at a pipeline, decided: what is written, in which order, and what is told of it. Pure: [`crate::runtime`]
//! does the reading and the writing, and nothing else.

pub mod reservations;

use jiff::Timestamp;
use kube::ResourceExt;
use userstream_crds::model::{Mode, Pipeline};
use userstream_crds::names::{Component, FINALIZER, PAUSE};
use userstream_crds::status::PipelineStatus;
use userstream_crds::{UserStreamPipeline, Violation, validate};

use crate::diff::last_applied::{Change, change, sealed};
use crate::diff::object_write::{ObjectWrite, writes};
use crate::lifecycle::autoscaling::Reason;
use crate::lifecycle::rollout::{Revision, RolloutPlan, ValidInput};
use crate::manifest::{Cleanup, Desired, build, cleanup, deletes_anything, stop_everything};
use crate::model::configuration::Configuration;
use crate::model::kind::Kind;
use crate::model::names::Names;
use crate::model::observed::Observed;
use crate::model::owned::Owned;
use crate::model::settings::Settings;
use crate::model::workload::desired_replicas;
use crate::plan::reservations::Conflict;
use crate::status::{ApplyFailure, Outcome, status};

/// Everything that a look is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The resource.
    pub resource: &'a UserStreamPipeline,
    /// The model of its spec, or what is wrong with it.
    pub validated: Result<&'a Pipeline, &'a [Violation]>,
    /// What it claims and another pipeline has.
    pub conflict: Option<&'a Conflict>,
    /// What the installation decides.
    pub settings: &'a Settings,
    /// What is there.
    pub observed: &'a Observed,
    /// Since when fewer processors would do.
    pub low_since: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// What a look comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// There is nothing to do.
    Nothing,
    /// The pipeline is being deleted and let go.
    Release(Release),
    /// First the finalizer is written, then the objects, then the status.
    Work(Box<Work>),
}

/// A pipeline's finalizer is taken from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Why what it created stays although it says otherwise; an Event tells of it.
    pub given_up: Option<String>,
}

/// What is written, and what is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Whether the pipeline is to hold the finalizer, when that is to change.
    pub finalizer: Option<bool>,
    /// The writes of objects, in order.
    pub writes: Vec<ObjectWrite>,
    /// When to look again although nothing has changed.
    pub again_at: Option<Timestamp>,
    /// Since when fewer processors would do.
    pub low_since: Option<Timestamp>,
    story: Story,
}

#[derive(Clone, Debug, PartialEq)]
enum Story {
    Paused,
    Invalid,
    Conflict(Conflict),
    Reconciled { steps: Box<RolloutPlan>, object_changes: Vec<String> },
    CleaningUp(Box<Cleanup>),
}

impl Decision {
    /// Decides what is to be done.
    #[must_use]
    pub fn of(look: &Look<'_>) -> Self {
        if look.resource.metadata.deletion_timestamp.is_some() {
            return deletion(look);
        }
        if is_paused(look.resource) {
            return Self::told(Story::Paused);
        }
        let pipeline = match look.validated {
            Ok(pipeline) => pipeline,
            // What runs goes on, unless nothing is to run: that much is clear.
            Err(_) if look.resource.spec.suspend => {
                return Self::written(stop_everything(look.observed), look, Story::Invalid);
            }
            Err(_) => return Self::told(Story::Invalid),
        };
        if let Some(conflict) = look.conflict {
            let story = Story::Conflict(conflict.clone());
            // As above: an edit can bring a conflict about while it runs.
            return match pipeline.suspend {
                true => Self::written(stop_everything(look.observed), look, story),
                false => Self::told(story),
            };
        }
        let situation = look.situation(pipeline);
        let steps = RolloutPlan::decide(&situation);
        let owned = look.owned();
        let object_changes = if steps.plan.is_some() { planned(look, pipeline, &owned) } else { Vec::new() };
        let wants = deletes_anything(pipeline);
        Self::Work(Box::new(Work {
            finalizer: (has_finalizer(look.resource) != wants).then_some(wants),
            writes: writes(build(&situation, &steps), &owned),
            again_at: None,
            low_since: steps.scaling.and_then(|decision| decision.low_since),
            story: Story::Reconciled { steps: Box::new(steps), object_changes },
        }))
    }

    fn told(story: Story) -> Self {
        let (finalizer, writes, again_at, low_since) = (None, Vec::new(), None, None);
        Self::Work(Box::new(Work { finalizer, writes, again_at, low_since, story }))
    }

    fn written(desired: Desired, look: &Look<'_>, story: Story) -> Self {
        let (finalizer, again_at, low_since) = (None, None, look.low_since);
        let writes = writes(desired, &look.owned());
        Self::Work(Box::new(Work { finalizer, writes, again_at, low_since, story }))
    }

    fn given_up(reason: String) -> Self {
        Self::Release(Release { given_up: Some(reason) })
    }
}

impl Work {
    /// The status after the writes, of which one may have come to nothing.
    #[must_use]
    pub fn status(&self, look: &Look<'_>, problem: Option<&ApplyFailure>) -> PipelineStatus {
        let tell = |outcome: &Outcome<'_>| {
            status(look.resource.status.as_ref(), look.resource.metadata.generation, outcome, look.now)
        };
        match &self.story {
            Story::Paused => tell(&Outcome::Paused),
            Story::Invalid => tell(&Outcome::Invalid {
                violations: look.validated.err().unwrap_or_default(),
                is_suspended: look.resource.spec.suspend,
                problem,
            }),
            Story::Conflict(conflict) => {
                tell(&Outcome::Conflict { conflict, is_suspended: look.resource.spec.suspend, problem })
            }
            Story::CleaningUp(cleanup) => tell(&Outcome::CleaningUp(cleanup)),
            Story::Reconciled { steps, object_changes } => match look.validated {
                Ok(pipeline) => {
                    let situation = &look.situation(pipeline);
                    tell(&Outcome::Reconciled { situation, steps, problem, object_changes })
                }
                // A story of a valid spec has one.
                Err(violations) => tell(&Outcome::Invalid { violations, is_suspended: false, problem }),
            },
        }
    }

    /// Why processors are added or taken away by the writes, where the lag decides how many there are.
    #[must_use]
    pub fn scaling(&self, look: &Look<'_>) -> Option<Reason> {
        let Story::Reconciled { steps, .. } = &self.story else { return None };
        let decided = steps.scaling.filter(|decision| decision.replicas == steps.replicas)?;
        let name = Names(&look.validated.ok()?.name).of(Component::Processor);
        let before = desired_replicas(look.observed.deployment(&name)?);
        // One that was suspended begins again with as many as there are to be.
        let is_scaled = before > 0 && u32::try_from(before) != Ok(decided.replicas);
        let is_written =
            self.writes.iter().any(|write| write.kind() == Kind::Deployment && write.name() == name);
        (is_scaled && is_written).then_some(decided.reason)
    }

    /// What else is to be done when the namespace turns out to be going, in which nothing can be made any more.
    #[must_use]
    pub fn when_the_namespace_goes(&self) -> Option<Release> {
        let reason = || "the namespace is being deleted: what the pipeline created stays".to_owned();
        matches!(self.story, Story::CleaningUp(_)).then(|| Release { given_up: Some(reason()) })
    }
}

impl Look<'_> {
    fn situation<'s>(&'s self, pipeline: &'s Pipeline) -> ValidInput<'s> {
        ValidInput {
            resource: self.resource,
            pipeline,
            settings: self.settings,
            observed: self.observed,
            low_since: self.low_since,
            now: self.now,
        }
    }

    /// The objects that are the pipeline's.
    #[must_use]
    pub fn owned(&self) -> Owned {
        Owned::of(self.observed, self.resource.metadata.uid.as_deref().unwrap_or_default())
    }
}

/// Whether somebody asked for nothing of a pipeline to be changed.
#[must_use]
pub fn is_paused(resource: &UserStreamPipeline) -> bool {
    resource.annotations().get(PAUSE).is_some_and(|value| value == "true")
}

/// Whether a pipeline holds the finalizer.
#[must_use]
pub fn has_finalizer(resource: &UserStreamPipeline) -> bool {
    resource.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Deletes what the pipeline created where it says so, for a bounded time, and lets it go.
fn deletion(look: &Look<'_>) -> Decision {
    let resource = look.resource;
    if !has_finalizer(resource) {
        return Decision::Nothing;
    }
    let Ok(pipeline) = look.validated else { return deletion_of_invalid(look) };
    let deleted_at = resource.metadata.deletion_timestamp.as_ref().map_or(look.now, |time| time.0);
    match cleanup(&look.situation(pipeline), deleted_at) {
        Cleanup::Done => Decision::Release(Release { given_up: None }),
        Cleanup::GivenUp { reason } => Decision::given_up(reason),
        Cleanup::Working { desired, job, deadline } => {
            let writes = writes(desired.clone(), &look.owned());
            let (finalizer, again_at, low_since) = (None, Some(deadline), None);
            let story = Story::CleaningUp(Box::new(Cleanup::Working { desired, job, deadline }));
            Decision::Work(Box::new(Work { finalizer, writes, again_at, low_since, story }))
        }
    }
}

/// An edit that is refused does not change which topic and table are the pipeline's: the last good configuration has them.
fn deletion_of_invalid(look: &Look<'_>) -> Decision {
    let last = Configuration::last_good(&look.observed.config_maps, &look.observed.deployments);
    let resource = last.map(|last| last.as_spec_of(look.resource));
    let validated = resource.as_ref().map(|resource| (resource, validate(resource)));
    match &validated {
        Some((resource, Ok(pipeline))) => deletion(&Look { resource, validated: Ok(pipeline), ..*look }),
        Some((_, Err(_))) | None => Decision::given_up(
            "the spec is invalid, so it is not known what to delete: everything stays".to_owned(),
        ),
    }
}

/// What would change among the objects if the mode were Apply.
fn planned(look: &Look<'_>, pipeline: &Pipeline, owned: &Owned) -> Vec<String> {
    let mut applying = pipeline.clone();
    applying.mode = Mode::Apply;
    let situation = look.situation(&applying);
    // As if provisioning had succeeded: the plan is about the end, not about the next step.
    let mut steps = RolloutPlan::decide(&situation);
    steps.processor = Revision::Desired;
    steps.producer = Revision::Desired;
    let desired = build(&situation, &steps);
    let changes = desired.manifests.into_iter().map(sealed).filter_map(|manifest| {
        let existing = owned.find(manifest.kind, &manifest.name).map(|existing| &existing.body);
        let verb = match change(&manifest, existing) {
            Change::None => return None,
            Change::Create => "create",
            Change::Update => "change",
            Change::Replace => "replace",
        };
        Some(format!("{verb} {} {}", manifest.kind.name(), manifest.name))
    });
    changes.collect()
}
