//! What a reconcile is decided from.

use jiff::Timestamp;
use kube::ResourceExt;
use userstream_crds::model::Pipeline;
use userstream_crds::names::{FINALIZER, PAUSE};
use userstream_crds::{UserStreamPipeline, Violation};

use super::conflict::Conflict;
use super::observed::Observed;
use super::owned::Owned;
use super::settings::Settings;

/// Everything that a reconcile is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The resource.
    pub resource: &'a UserStreamPipeline,
    /// The model of its spec, or the rules that the spec breaks.
    pub validated: Result<&'a Pipeline, &'a [Violation]>,
    /// A claim of it that another pipeline holds.
    pub conflict: Option<&'a Conflict>,
    /// The settings of the installation.
    pub settings: &'a Settings,
    /// The pipeline's objects.
    pub observed: &'a Observed,
    /// Since when the lag has called for fewer processors.
    pub low_since: Option<Timestamp>,
    /// The time of the reconcile.
    pub now: Timestamp,
}

/// The input of a pipeline whose spec breaks no rule.
#[derive(Clone, Copy, Debug)]
pub struct ValidInput<'a> {
    /// The resource.
    pub resource: &'a UserStreamPipeline,
    /// The model of its spec.
    pub pipeline: &'a Pipeline,
    /// The settings of the installation.
    pub settings: &'a Settings,
    /// The pipeline's objects.
    pub observed: &'a Observed,
    /// Since when the lag has called for fewer processors.
    pub low_since: Option<Timestamp>,
    /// The time of the reconcile.
    pub now: Timestamp,
}

impl Input<'_> {
    /// The input with this model of the spec.
    #[must_use]
    pub const fn with_pipeline<'s>(&'s self, pipeline: &'s Pipeline) -> ValidInput<'s> {
        ValidInput {
            resource: self.resource,
            pipeline,
            settings: self.settings,
            observed: self.observed,
            low_since: self.low_since,
            now: self.now,
        }
    }

    /// The objects that the pipeline owns.
    #[must_use]
    pub fn owned(&self) -> Owned {
        Owned::of(self.observed, self.resource.metadata.uid.as_deref().unwrap_or_default())
    }
}

/// Whether the user has paused the reconciliation of a pipeline.
#[must_use]
pub fn is_paused(resource: &UserStreamPipeline) -> bool {
    resource.annotations().get(PAUSE).is_some_and(|value| value == "true")
}

/// Whether a pipeline has the operator's finalizer.
#[must_use]
pub fn has_finalizer(resource: &UserStreamPipeline) -> bool {
    resource.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}
