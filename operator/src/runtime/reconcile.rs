//! One reconcile of one pipeline: observe, validate, plan, apply, status.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::runtime::events::Event;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use userstream_crds::UserStreamPipeline;
use userstream_crds::status::PipelineStatus;

use super::apply::pipeline::{self, PipelineWriteError};
use super::apply::{Applied, Applier, ApplyError};
use super::context::Context;
use super::events;
use super::queue::trigger::Trigger;
use super::queue::workqueue::Priority;
use super::reconcile_state::{ReconcileState, Requeue};
use super::sync::lock;
use super::watch::stored_pipeline::{InvalidObject, StoredPipeline};
use super::watch::watches::key_of;
use crate::diff::expectations::ObjectKey;
use crate::diff::object_write::ObjectWrite;
use crate::model::conflict::Conflict;
use crate::model::input::{Input, is_paused};
use crate::model::observed::Observed;
use crate::model::pipeline_key::PipelineKey;
use crate::plan::{Decision, Plan, Release};
use crate::status::pipeline_sample::PipelineSample;
use crate::status::throttle::StatusChange;
use crate::status::undecodable;

/// Why a reconcile failed. It is retried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The API server refused a write of the pipeline itself.
    #[error(transparent)]
    Pipeline(#[from] PipelineWriteError),
    /// Objects could not be written; the status reports the first of them.
    #[error("{0} objects could not be applied or deleted")]
    Objects(usize),
    /// The reconcile took too long.
    #[error("the reconcile took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// Another replica may act now.
    #[error("this replica is not the leader any more")]
    LeadershipLost,
    /// The reconcile panicked, which is a bug.
    #[error("the reconcile panicked")]
    Panicked,
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// All that is due is written.
    Done(Requeue),
    /// Nothing was decided: the stores do not show the last writes.
    AwaitsCaches,
}

/// The completion of a reconcile after which only a change makes anything due.
const UNTIL_CHANGE: Completion = Completion::Done(Requeue { at: None });
/// The shortest delay of a reconcile that only the time makes due.
const SHORTEST_REQUEUE: SignedDuration = SignedDuration::from_secs(1);

/// Reconciles a pipeline.
pub(crate) async fn reconcile(
    stored: Arc<StoredPipeline>,
    context: Arc<Context>,
) -> Result<Completion, ReconcileError> {
    let uid = stored.uid().unwrap_or_default();
    let state = context.states.of(&uid);
    let resource = match stored.read() {
        Ok(resource) => resource,
        Err(invalid) => return report_undecodable(&context, &state, &stored, &invalid).await,
    };
    let reconcile = Reconcile {
        key: key_of(&stored),
        context: &context,
        resource: &resource,
        uid: &uid,
        state: &state,
        now: Timestamp::now(),
    };
    reconcile.run().await
}

/// Reports a resource that cannot be deserialized, once for each generation and error. Only its conditions are written.
async fn report_undecodable(
    context: &Context,
    state: &Mutex<ReconcileState>,
    stored: &StoredPipeline,
    invalid: &InvalidObject,
) -> Result<Completion, ReconcileError> {
    let (generation, error) = (stored.meta().generation, &invalid.error);
    let report = format!("{generation:?} {error}");
    if lock(state).reported_undecodable.as_ref() != Some(&report) {
        let known = invalid.known_status();
        let next = undecodable(known.as_ref(), generation, error, Timestamp::now());
        let (key, uid) = (key_of(stored), stored.uid().unwrap_or_default());
        context.set_sample(&key, &uid, PipelineSample::of(&next));
        write_status(context, &key, &uid, &invalid.status_with(&next)).await?;
        lock(state).reported_undecodable = Some(report);
    }
    Ok(UNTIL_CHANGE)
}

/// One reconcile of one pipeline.
struct Reconcile<'a> {
    context: &'a Context,
    resource: &'a UserStreamPipeline,
    key: PipelineKey,
    uid: &'a str,
    state: &'a Mutex<ReconcileState>,
    now: Timestamp,
}

impl Reconcile<'_> {
    async fn run(&self) -> Result<Completion, ReconcileError> {
        // 1. Observe: the pipeline's objects, once the stores show the last writes.
        let observed = self.observe();
        if !self.stores_show_every_write(&observed) {
            return Ok(Completion::AwaitsCaches);
        }
        // 2. Validate: the model of the spec, and no other pipeline holds its claims.
        let validated = lock(self.state).validate(self.resource);
        let conflict = self.reserve(&observed, validated.is_ok());
        // 3. Plan: the writes that are due.
        let input = Input {
            resource: self.resource,
            validated: validated.as_ref().as_ref().map_err(Vec::as_slice),
            conflict: conflict.as_ref(),
            settings: &self.context.settings,
            observed: &observed,
            low_since: lock(self.state).low_since,
            now: self.now,
        };
        match Decision::of(&input) {
            Decision::Nothing => Ok(UNTIL_CHANGE),
            Decision::Release(release) => self.release(&release).await,
            Decision::Apply(plan) => self.carry_out(&plan, &input).await,
        }
    }

    async fn carry_out(&self, plan: &Plan, input: &Input<'_>) -> Result<Completion, ReconcileError> {
        // 4. Apply: the finalizer first, then the objects.
        if let Some(is_added) = plan.finalizer {
            self.write_finalizer(is_added).await?;
        }
        let applied = self.apply(&plan.writes).await;
        lock(self.state).low_since = plan.low_since;
        let is_terminating = applied.errors.iter().any(|it| matches!(it, ApplyError::NamespaceTerminating));
        if let Some(release) = plan.release_in_terminating_namespace().filter(|_| is_terminating) {
            return self.release(&release).await;
        }
        // 5. Status: reports every outcome, also that of failed writes.
        let failure = applied.errors.first().map(ApplyError::failure);
        let next = plan.status(input, failure.as_ref());
        self.sample(&next, input);
        let write_at = self.report(&next).await?;
        // The status reports an invalid object, and only a change makes another one of it.
        let failed = applied.errors.iter().filter(|error| !error.is_invalid()).count();
        if failed > 0 {
            return Err(ReconcileError::Objects(failed));
        }
        if let Some(reason) = plan.scaling(input) {
            self.publish(&events::scaling(reason)).await;
        }
        let at = plan.requeue_at.into_iter().chain(write_at).min();
        Ok(Completion::Done(Requeue { at: at.map(|at| at.max(self.now + SHORTEST_REQUEUE)) }))
    }

    fn observe(&self) -> Observed {
        let (stores, key) = (&self.context.stores, &self.key);
        let pods = stores.pods.of(key);
        let named = Observed {
            config_maps: stores.config_maps.of(key),
            jobs: stores.jobs.of(key),
            cron_jobs: stores.cron_jobs.of(key),
            deployments: stores.deployments.of(key),
            pod_disruption_budgets: stores.pod_disruption_budgets.of(key),
            network_policies: stores.network_policies.of(key),
            pod_monitors: stores.pod_monitors.of(key),
            kafka_topics: stores.kafka_topics.of(key),
            reports: self.context.scrapes.reports(key, pods.iter().map(AsRef::as_ref)),
            pods,
        };
        Observed::of(self.resource, named)
    }

    fn stores_show_every_write(&self, observed: &Observed) -> bool {
        lock(self.state).expectations.are_satisfied(self.now, |key| match key {
            ObjectKey::Pipeline => self.resource.metadata.resource_version.clone(),
            ObjectKey::Owned(kind, name) => observed.version(*kind, name).map(str::to_owned),
        })
    }

    /// Reserves the claims of a pipeline that may start, and returns a claim that another pipeline holds. Adds the
    /// pipelines to the workqueue that may wait for claims that this one no longer holds.
    fn reserve(&self, observed: &Observed, is_valid: bool) -> Option<Conflict> {
        let used = lock(self.state).used_claims(&observed.config_maps);
        let is_deleted = self.resource.metadata.deletion_timestamp.is_some();
        let may_start = is_valid && !is_paused(self.resource) && !is_deleted;
        let (affected, conflict) = {
            let mut reservations = lock(&self.context.reservations);
            let mut affected = reservations.set_used(self.uid, used);
            if may_start {
                let reservation = reservations.reserve(self.uid);
                affected.extend(reservation.affected);
                (affected, reservation.conflict)
            } else {
                (affected, reservations.conflict(self.uid))
            }
        };
        for pipeline in affected {
            self.context.queue.add(pipeline, Priority::High, Trigger::Changed);
        }
        conflict
    }

    async fn apply(&self, writes: &[ObjectWrite]) -> Applied {
        let applier = Applier {
            client: &self.context.client,
            namespace: &self.key.namespace,
            pipeline: &self.key.name,
            uid: self.uid,
            version: self.resource.metadata.resource_version.as_deref(),
            kafka_topics: self.context.settings.kinds.kafka_topic,
        };
        let applied = applier.apply(writes, self.state).await;
        self.context.metrics.wrote(applied.writes);
        applied
    }

    async fn write_finalizer(&self, is_added: bool) -> Result<(), ReconcileError> {
        let version =
            pipeline::write_finalizer(&self.context.client, &self.key, self.resource, is_added).await?;
        lock(self.state).expectations.expect(ObjectKey::Pipeline, version, self.now);
        Ok(())
    }

    /// Removes the finalizer. Publishes an Event if what the pipeline created stays against its deletion policies.
    async fn release(&self, release: &Release) -> Result<Completion, ReconcileError> {
        if let Some(why) = &release.given_up {
            tracing::warn!(reason = why, "released without cleanup");
            self.publish(&events::cleanup_given_up(why)).await;
        }
        self.write_finalizer(false).await.map(|()| UNTIL_CHANGE)
    }

    /// Updates the metrics of the pipeline.
    fn sample(&self, next: &PipelineStatus, input: &Input<'_>) {
        let sample = PipelineSample::of(next);
        let sample = match input.validated {
            Ok(pipeline) => {
                let runs = &mut lock(self.state).runs;
                let valid = input.with_pipeline(pipeline);
                runs.observe(&valid);
                sample.with_runs(&valid, runs)
            }
            Err(_) => PipelineSample { is_suspended: self.resource.spec.suspend, ..sample },
        };
        self.context.set_sample(&self.key, self.uid, sample);
    }

    /// Writes a changed status and publishes its Events, or returns when it is to be written.
    async fn report(&self, next: &PipelineStatus) -> Result<Option<Timestamp>, ReconcileError> {
        let before = self.resource.status.as_ref();
        if before == Some(next) {
            lock(self.state).throttle.unchanged();
            return Ok(None);
        }
        let change = StatusChange::between(before, next);
        let is_under_load = self.context.queue.is_under_load();
        let write_at = {
            let limiter = &mut lock(&self.context.limiter);
            lock(self.state).throttle.write_at(change, is_under_load, limiter, self.now)
        };
        if write_at.is_some() {
            return Ok(write_at);
        }
        let version = write_status(self.context, &self.key, self.uid, next).await?;
        {
            let mut state = lock(self.state);
            state.throttle.written(self.now);
            state.expectations.expect_accounted(ObjectKey::Pipeline, version, self.now);
        }
        for event in events::events(before, next) {
            self.publish(&event).await;
        }
        Ok(None)
    }

    async fn publish(&self, event: &Event) {
        let reference = self.resource.object_ref(&());
        if let Err(error) = self.context.events.publish(event, &reference).await {
            tracing::warn!(%error, reason = event.reason, "event not published");
        }
    }
}

async fn write_status(
    context: &Context,
    key: &PipelineKey,
    uid: &str,
    status: &impl Serialize,
) -> Result<Option<String>, ReconcileError> {
    let version = pipeline::write_status(&context.client, key, uid, status).await?;
    context.metrics.wrote(usize::from(version.is_some()));
    Ok(version)
}
