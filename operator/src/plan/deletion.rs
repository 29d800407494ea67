//! The deletion of a pipeline: its cleanup, for a limited time, and then its release.

use userstream_crds::validate;

use super::{Decision, Plan, Release};
use crate::diff::object_write::writes;
use crate::lifecycle::cleanup::Cleanup;
use crate::manifest;
use crate::model::configuration::Configuration;
use crate::model::input::{Input, has_finalizer};
use crate::status::Outcome;

/// Decides what a reconcile of a deleted pipeline writes.
pub(super) fn decide(input: &Input<'_>) -> Decision {
    let resource = input.resource;
    if !has_finalizer(resource) {
        return Decision::Nothing;
    }
    let Ok(pipeline) = input.validated else { return decide_with_last_good(input) };
    let deleted_at = resource.metadata.deletion_timestamp.as_ref().map_or(input.now, |time| time.0);
    let valid = input.with_pipeline(pipeline);
    let cleanup = Cleanup::of(&valid, deleted_at);
    let (writes, deadline) = match &cleanup {
        Cleanup::Done => return Decision::Release(Release { given_up: None }),
        Cleanup::GivenUp { reason } => return give_up(reason.clone()),
        Cleanup::Working { stage, deadline, .. } => {
            (writes(manifest::cleanup(&valid, stage), &input.owned()), *deadline)
        }
    };
    let (finalizer, requeue_at, low_since) = (None, Some(deadline), None);
    let outcome = Outcome::CleaningUp(cleanup);
    Decision::Apply(Box::new(Plan { finalizer, writes, requeue_at, low_since, outcome }))
}

/// Decides by the last good configuration: a refused edit does not change which topic and table are the pipeline's.
fn decide_with_last_good(input: &Input<'_>) -> Decision {
    let last = Configuration::last_good(&input.observed.config_maps, &input.observed.deployments);
    let resource = last.map(|last| last.as_spec_of(input.resource));
    let validated = resource.as_ref().map(|resource| (resource, validate(resource)));
    match &validated {
        Some((resource, Ok(pipeline))) => decide(&Input { resource, validated: Ok(pipeline), ..*input }),
        Some((_, Err(_))) | None => give_up(
            "what the pipeline created stays: the spec is invalid, so it is not known what to delete"
                .to_owned(),
        ),
    }
}

fn give_up(reason: String) -> Decision {
    Decision::Release(Release { given_up: Some(reason) })
}
