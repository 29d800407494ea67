//! The changes that mode Apply would make to the pipeline's objects, for mode Plan.

use userstream_crds::model::{Mode, Pipeline};

use crate::diff::last_applied::{Change, change, with_hash};
use crate::lifecycle::rollout::{Revision, RolloutPlan};
use crate::manifest;
use crate::model::input::Input;
use crate::model::owned::Owned;

/// One line for each change, such as `create Job users-provision-1f2e3d4c5b`.
pub(super) fn changes(input: &Input<'_>, pipeline: &Pipeline, owned: &Owned) -> Vec<String> {
    let mut applied = pipeline.clone();
    applied.mode = Mode::Apply;
    let valid = input.with_pipeline(&applied);
    // As if provisioning had succeeded: the lines are about the end of the rollout, not about its next step.
    let mut rollout = RolloutPlan::of(&valid);
    rollout.processor = Revision::Desired;
    rollout.producer = Revision::Desired;
    let desired = manifest::build(&valid, &rollout);
    let lines = desired.manifests.into_iter().map(with_hash).filter_map(|manifest| {
        let existing = owned.find(manifest.kind, &manifest.name).map(|existing| &existing.body);
        let verb = match change(&manifest, existing) {
            Change::None => return None,
            Change::Create => "create",
            Change::Update => "change",
            Change::Replace => "replace",
        };
        Some(format!("{verb} {} {}", manifest.kind.name(), manifest.name))
    });
    lines.collect()
}
