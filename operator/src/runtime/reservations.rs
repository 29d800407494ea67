//! Keeps the reservations up to date with what the watches show.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{Resource, ResourceExt};
use userstream_crds::claims::{Claim, claims};
use userstream_crds::worker_pod::has_ended;

use super::reconcile_state::ReconcileStates;
use super::sync::lock;
use super::watch::store::Store;
use super::watch::stored_pipeline::StoredPipeline;
use super::watch::watches::key_of;
use crate::model::configuration::Configuration;
use crate::model::observed::is_owned_by;
use crate::model::pipeline_key::PipelineKey;
use crate::plan::reservations::Reservations;

/// How long the workers of a deleted pipeline hold its claims at most: the time that the garbage collector and their
/// grace period take. Those of a pipeline that was deleted with `--cascade=orphan` never terminate.
const LONGEST_TERMINATION: SignedDuration = SignedDuration::from_mins(2);

/// What the claims of pipelines are found from.
pub(crate) struct ClaimSources<'a> {
    /// The namespace of the pipelines; `None`: all.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) states: &'a ReconcileStates,
    pub(crate) config_maps: &'a Store<ConfigMap>,
    pub(crate) deployments: &'a Store<Deployment>,
    pub(crate) pods: &'a Store<Pod>,
}

impl ClaimSources<'_> {
    /// Declares the claims of a pipeline: those of its spec, or of its last good configuration when the spec is
    /// refused. Returns the other pipelines that this affects.
    pub(crate) fn declare(
        &self,
        reservations: &mut Reservations,
        pipeline: &StoredPipeline,
    ) -> BTreeSet<PipelineKey> {
        let claims = self.of_spec(pipeline).or_else(|| {
            let is_known = reservations.contains(&pipeline.uid().unwrap_or_default());
            if is_known { None } else { self.of_last_good(pipeline) }
        });
        reservations.declare(pipeline.meta(), claims)
    }

    /// Declares the claims of all pipelines once the stores have synced. Before, the last good configuration of a
    /// pipeline whose spec is refused was unknown.
    pub(crate) fn declare_all<'a>(
        &self,
        reservations: &mut Reservations,
        pipelines: impl IntoIterator<Item = &'a StoredPipeline>,
    ) {
        for pipeline in pipelines {
            let claims = self.of_spec(pipeline).or_else(|| self.of_last_good(pipeline));
            reservations.declare(pipeline.meta(), claims);
            let uid = pipeline.uid().unwrap_or_default();
            let mut own = self.config_maps.of(&key_of(pipeline));
            own.retain(|it| is_owned_by(it.as_ref(), Some(&uid)));
            let used = lock(&self.states.of(&uid)).used_claims(&own);
            reservations.set_used(&uid, used);
        }
    }

    /// Releases the claims of a deleted pipeline once its workers have terminated. Returns the pipelines that this
    /// affects. An operator that starts in between is not aware of the deleted pipeline.
    pub(crate) fn deleted(
        &self,
        reservations: &mut Reservations,
        uid: &str,
        now: Timestamp,
    ) -> BTreeSet<PipelineKey> {
        let has_workers = reservations.pipeline(uid).is_some_and(|pipeline| self.has_workers(pipeline));
        if has_workers { reservations.release(uid, now) } else { reservations.remove(uid) }
    }

    /// Removes the deleted pipelines whose workers have terminated. Returns the pipelines that this affects.
    pub(crate) fn remove_terminated(
        &self,
        reservations: &mut Reservations,
        now: Timestamp,
    ) -> BTreeSet<PipelineKey> {
        let is_own =
            |pipeline: &PipelineKey| self.namespace.is_none_or(|namespace| namespace == pipeline.namespace);
        let is_terminated = |pipeline: &PipelineKey, released_at: Timestamp| {
            let is_late = now.duration_since(released_at) >= LONGEST_TERMINATION;
            is_own(pipeline) && (is_late || !self.has_workers(pipeline))
        };
        let terminated = reservations.released().filter(|(_, pipeline, at)| is_terminated(pipeline, *at));
        let terminated: Vec<String> = terminated.map(|(uid, ..)| uid.to_owned()).collect();
        terminated.iter().flat_map(|uid| reservations.remove(uid)).collect()
    }

    fn has_workers(&self, pipeline: &PipelineKey) -> bool {
        self.pods.of(pipeline).iter().any(|pod| !has_ended(pod))
    }

    fn of_spec(&self, pipeline: &StoredPipeline) -> Option<Vec<Claim>> {
        let state = self.states.of(&pipeline.uid().unwrap_or_default());
        // Most events do not change the spec, and reading the resource costs more than the rest of this.
        let known = lock(&state).validated(pipeline.meta().generation);
        let validated = match known {
            Some(known) => known,
            None => lock(&state).validate(&*pipeline.read().ok()?),
        };
        validated.as_ref().as_ref().ok().map(claims)
    }

    fn of_last_good(&self, pipeline: &StoredPipeline) -> Option<Vec<Claim>> {
        let key = key_of(pipeline);
        let last = Configuration::last_good(&self.config_maps.of(&key), &self.deployments.of(&key));
        last.map(|last| claims(&last.pipeline))
    }
}

#[cfg(test)]
mod tests;
