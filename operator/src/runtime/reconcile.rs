//! One look at one pipeline: observe, validate, build, apply, tell.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::runtime::events::EventType;
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use userstream_crds::UserStreamPipeline;
use userstream_crds::status::PipelineStatus;

use crate::diff::expectations::ObjectKey;
use crate::diff::object_write::ObjectWrite;
use crate::model::observed::Observed;
use crate::model::pipeline_key::PipelineKey;
use crate::model::settings::Settings;
use crate::plan::reservations::{Conflict, Reservations};
use crate::plan::{Decision, Look, Release, is_paused};
use crate::runtime::apply::pipeline::{self, PipelineWriteError};
use crate::runtime::apply::{Applied, ApplyContext, ApplyError, apply};
use crate::runtime::events::{self, EventRecorder};
use crate::runtime::lease::LeaderGuard;
use crate::runtime::metrics::Metrics;
use crate::runtime::queue::pace::Pace;
use crate::runtime::queue::workqueue::{Queues, Trigger};
use crate::runtime::reconcile_state::{ReconcileState, ReconcileStates, Requeue, lock};
use crate::runtime::reservations::Claiming;
use crate::runtime::scrape::scrape_state::Reports;
use crate::runtime::watch::stored_pipeline::{InvalidObject, StoredPipeline};
use crate::runtime::watch::watches::{Stores, key_of};
use crate::status::{Outcome, status, urgency};

/// Everything that a reconcile uses.
pub(crate) struct Context {
    pub(crate) client: Client,
    /// Where the pipelines of this scope are; None: in all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) settings: Settings,
    pub(crate) caches: Stores,
    pub(crate) pipelines: Store<StoredPipeline>,
    pub(crate) claims: Arc<Mutex<Reservations>>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) memories: ReconcileStates,
    pub(crate) announcer: EventRecorder,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) lead: LeaderGuard,
}

impl Context {
    pub(crate) fn claiming(&self) -> Claiming<'_> {
        Claiming {
            namespace: self.namespace.as_deref(),
            memories: &self.memories,
            config_maps: &self.caches.config_maps,
            deployments: &self.caches.deployments,
            pods: &self.caches.pods,
        }
    }
}

/// Why a reconcile did not come to its end. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The API server refused a write of the pipeline itself.
    #[error(transparent)]
    Pipeline(#[from] PipelineWriteError),
    /// Some objects could not be applied; the status says which.
    #[error("{0} objects could not be applied or deleted")]
    Objects(usize),
    /// It took too long.
    #[error("the reconcile took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// Another replica may act now, and this one does not go on.
    #[error("this replica is not the leader any more")]
    LeadLost,
    /// It panicked, which is a bug.
    #[error("the reconcile panicked")]
    Panicked,
}

/// How a look has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// All that is to be done now is done and told.
    Done(Requeue),
    /// Not at all: the caches have not seen what was written last.
    AwaitsCaches,
}

/// What is waited for when there is nothing to do but by news.
const UNTIL_NEWS: Completion = Completion::Done(Requeue { until: None });
/// No pipeline is looked at sooner than after this for the time alone.
const SOONEST: SignedDuration = SignedDuration::from_secs(1);

/// Looks at a pipeline.
pub(crate) async fn reconcile(
    guarded: Arc<StoredPipeline>,
    context: Arc<Context>,
) -> Result<Completion, ReconcileError> {
    let uid = guarded.uid().unwrap_or_default();
    let memory = context.memories.of(&uid);
    let resource = match guarded.read() {
        Ok(resource) => resource,
        Err(unreadable) => return undecodable(&context, &memory, &guarded, &unreadable).await,
    };
    let resource = resource.as_ref();
    let reconcile = Reconcile {
        key: key_of(&guarded),
        context: &context,
        resource,
        uid: &uid,
        memory: &memory,
        now: Timestamp::now(),
    };
    // 1. Observe: what is there, once the caches have seen what was written last.
    let observed = reconcile.observe();
    if !reconcile.caches_have_seen_every_write(&observed) {
        return Ok(Completion::AwaitsCaches);
    }
    // 2. Validate: from the spec to a pipeline that breaks no rule, and nobody has what it claims.
    let validated = lock(&memory).validate(resource);
    let conflict = reconcile.claim(&observed, validated.is_ok()).await;
    // 3. Build: what is due, and the writes that it takes.
    let look = Look {
        resource,
        validated: validated.as_ref().as_ref().map_err(Vec::as_slice),
        conflict: conflict.as_ref(),
        settings: &context.settings,
        observed: &observed,
        low_since: lock(&memory).low_since,
        now: reconcile.now,
    };
    let work = match Decision::of(&look) {
        Decision::Nothing => return Ok(UNTIL_NEWS),
        Decision::Release(release) => return reconcile.release(&release).await,
        Decision::Work(work) => work,
    };
    // 4. Apply.
    if let Some(wants) = work.finalizer {
        reconcile.write_finalizer(wants).await?;
    }
    let applied = reconcile.apply(&work.writes).await;
    lock(&memory).low_since = work.low_since;
    let namespace_goes = applied.errors.iter().any(|it| matches!(it, ApplyError::NamespaceTerminating));
    if let Some(release) = work.when_the_namespace_goes().filter(|_| namespace_goes) {
        return reconcile.release(&release).await;
    }
    // 5. Status: whatever came of it is told.
    let problem = applied.errors.first().map(ApplyError::problem);
    let told_later = reconcile.tell(&work.status(&look, problem.as_ref())).await?;
    if !applied.errors.is_empty() {
        return Err(ReconcileError::Objects(applied.errors.len()));
    }
    if let Some(reason) = work.scaling(&look) {
        reconcile.announce(&events::scaling(reason)).await;
    }
    let until = work.again_at.into_iter().chain(told_later).min();
    Ok(Completion::Done(Requeue { until: until.map(|until| until.max(reconcile.now + SOONEST)) }))
}

/// A resource that this operator cannot read. Told once for each thing that is wrong, and nothing else of its status is changed.
async fn undecodable(
    context: &Context,
    memory: &Mutex<ReconcileState>,
    guarded: &StoredPipeline,
    unreadable: &InvalidObject,
) -> Result<Completion, ReconcileError> {
    let (generation, error) = (guarded.meta().generation, &unreadable.error);
    let told = format!("{generation:?} {error}");
    if lock(memory).told_undecodable.as_ref() != Some(&told) {
        let known = unreadable.known();
        let next = status(known.as_ref(), generation, &Outcome::Undecodable(error), Timestamp::now());
        let next = unreadable.with(&next);
        write_status(context, &key_of(guarded), &guarded.uid().unwrap_or_default(), &next).await?;
        lock(memory).told_undecodable = Some(told);
    }
    Ok(UNTIL_NEWS)
}

/// One reconcile of one pipeline.
struct Reconcile<'a> {
    context: &'a Context,
    resource: &'a UserStreamPipeline,
    key: PipelineKey,
    uid: &'a str,
    memory: &'a Mutex<ReconcileState>,
    now: Timestamp,
}

impl Reconcile<'_> {
    fn observe(&self) -> Observed {
        let (caches, key) = (&self.context.caches, &self.key);
        let pods = caches.pods.of(key);
        let named = Observed {
            config_maps: caches.config_maps.of(key),
            jobs: caches.jobs.of(key),
            cron_jobs: caches.cron_jobs.of(key),
            deployments: caches.deployments.of(key),
            pod_disruption_budgets: caches.pod_disruption_budgets.of(key),
            network_policies: caches.network_policies.of(key),
            pod_monitors: caches.pod_monitors.of(key),
            kafka_topics: caches.kafka_topics.of(key),
            reports: self.context.reports.of(key, pods.iter().map(AsRef::as_ref)),
            pods,
        };
        Observed::of(self.resource, named)
    }

    /// What another keeps this pipeline from, if it is to begin with what it claims at all. What it works with no more, others
    /// may have from now on.
    async fn claim(&self, observed: &Observed, is_valid: bool) -> Option<Conflict> {
        let used = lock(self.memory).used(&observed.config_maps);
        let begins =
            is_valid && !is_paused(self.resource) && self.resource.metadata.deletion_timestamp.is_none();
        let (concerned, conflict) = {
            let mut claims = lock(&self.context.claims);
            let mut concerned = claims.works_with(self.uid, used);
            if begins {
                let admission = claims.admit(self.uid);
                concerned.extend(admission.concerned);
                (concerned, admission.conflict)
            } else {
                (concerned, claims.conflict(self.uid))
            }
        };
        for pipeline in concerned {
            self.context.queues.send(pipeline, Trigger::Changed).await;
        }
        conflict
    }

    fn caches_have_seen_every_write(&self, observed: &Observed) -> bool {
        lock(self.memory).expectations.are_met(self.now, |what| match what {
            ObjectKey::Pipeline => self.resource.metadata.resource_version.clone(),
            ObjectKey::Object(kind, name) => observed.version(*kind, name).map(str::to_owned),
        })
    }

    async fn apply(&self, writes: &[ObjectWrite]) -> Applied {
        let target = ApplyContext {
            namespace: &self.key.namespace,
            pipeline: &self.key.name,
            version: self.resource.metadata.resource_version.as_deref(),
            uid: self.uid,
            settings: &self.context.settings,
        };
        let applied = apply(&self.context.client, target, writes, self.memory).await;
        self.context.metrics.wrote(applied.writes);
        applied
    }

    /// Adds or removes the finalizer, and nothing else; not when the pipeline has changed since it was looked at.
    async fn write_finalizer(&self, wants: bool) -> Result<(), ReconcileError> {
        let version =
            pipeline::write_finalizer(&self.context.client, &self.key, self.resource, wants).await?;
        lock(self.memory).expectations.expect(ObjectKey::Pipeline, version, self.now);
        Ok(())
    }

    /// Lets a pipeline go, and says so when what it created stays although it says otherwise.
    async fn release(&self, release: &Release) -> Result<Completion, ReconcileError> {
        if let Some(why) = &release.given_up {
            tracing::warn!(reason = why, "released without cleaning up");
            self.announce(&events::event(EventType::Warning, "CleanupGivenUp", why)).await;
        }
        self.write_finalizer(false).await.map(|()| UNTIL_NEWS)
    }

    /// Writes the status when it differs, and announces what is worth it; or says when it is to be written.
    async fn tell(&self, next: &PipelineStatus) -> Result<Option<Timestamp>, ReconcileError> {
        let before = self.resource.status.as_ref();
        if before == Some(next) {
            lock(self.memory).told_it_is_now();
            return Ok(None);
        }
        let (urgency, others_wait) = (urgency(before, next), self.context.queues.are_long());
        let until = lock(self.memory).tells_at(urgency, others_wait, &self.context.pace, self.now);
        if until.is_some() {
            return Ok(until);
        }
        let version = write_status(self.context, &self.key, self.uid, next).await?;
        {
            let mut memory = lock(self.memory);
            memory.tells(self.now);
            memory.expectations.foresee(ObjectKey::Pipeline, version, self.now);
        }
        for event in events::events(before, next) {
            self.announce(&event).await;
        }
        Ok(None)
    }

    async fn announce(&self, event: &kube::runtime::events::Event) {
        let reference = self.resource.object_ref(&());
        if let Err(error) = self.context.announcer.publish(event, &reference).await {
            tracing::warn!(%error, reason = event.reason, "the event cannot be published");
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
