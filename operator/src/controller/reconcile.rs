//! One look at one pipeline: observe, validate, build, apply, tell.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::events::{EventType, Recorder};
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use userstream_crds::claims::claims;
use userstream_crds::status::PipelineStatus;
use userstream_crds::{Pipeline, UserStreamPipeline};

use super::announce;
use super::apply::{Applied, ApplyError, Target, apply};
use super::cache::PipelineKey;
use super::expectations::Written;
use super::memory::{Memories, Memory, lock};
use super::metrics::Metrics;
use super::owned::Owned;
use super::poll::Reports;
use super::scope::{Caches, Guarded, key_of};
use crate::build::{Cleanup, build, cleanup, deletes_anything};
use crate::claim_index::ClaimIndex;
use crate::configuration::Configuration;
use crate::drift::{Change, change, sealed};
use crate::names::{FIELD_MANAGER, FINALIZER, PAUSE};
use crate::observed::{Observed, is_owned_by};
use crate::settings::Settings;
use crate::status::{Outcome, status};
use crate::steps::{Situation, Steps};

/// Everything that a reconcile uses.
pub(super) struct Context {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) caches: Caches,
    pub(super) pipelines: Store<Guarded>,
    pub(super) claims: Arc<Mutex<ClaimIndex>>,
    pub(super) reports: Arc<Reports>,
    pub(super) memories: Memories,
    pub(super) recorder: Recorder,
    pub(super) metrics: Arc<Metrics>,
}

/// Why a reconcile did not come to its end. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    /// The API server refused a write of the pipeline itself.
    #[error("the pipeline's {what} cannot be written: {source}")]
    Pipeline {
        /// What of it.
        what: &'static str,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Some objects could not be applied; the status says which.
    #[error("{0} objects could not be applied or deleted")]
    Objects(usize),
    /// It took too long.
    #[error("the reconcile took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// It panicked, which is a bug.
    #[error("the reconcile panicked")]
    Panicked,
}

/// Looks at a pipeline.
pub(super) async fn reconcile(
    guarded: Arc<Guarded>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let uid = guarded.uid().unwrap_or_default();
    let memory = context.memories.of(&uid);
    let resource = match &guarded.0 {
        Ok(resource) => resource,
        Err(invalid) => return undecodable(&context, &memory, &guarded, &invalid.error).await,
    };
    let look = Look { context: &context, resource, uid: &uid, memory: &memory, now: Timestamp::now() };
    // 1. Observe: what is there, once the caches have seen what was written last.
    let observed = look.observe();
    let owned = Owned::of(&observed, &uid);
    if !look.caches_have_seen_every_write(&owned) {
        return Ok(Action::requeue(Duration::from_secs(1)));
    }
    // 2. Validate: from the spec to a pipeline that breaks no rule.
    let validated = lock(&memory).validate(resource);
    if resource.metadata.deletion_timestamp.is_some() {
        return look.delete(validated.as_ref().as_ref().ok(), &observed, &owned).await;
    }
    if resource.annotations().get(PAUSE).is_some_and(|value| value == "true") {
        return look.tell(&Outcome::Paused).await.map(|()| Action::await_change());
    }
    let pipeline = match validated.as_ref() {
        Ok(pipeline) => pipeline,
        Err(violations) => {
            return look.tell(&Outcome::Invalid(violations)).await.map(|()| Action::await_change());
        }
    };
    let conflict = lock(&context.claims).conflict(&uid);
    if let Some(conflict) = conflict {
        return look.tell(&Outcome::Conflict(&conflict)).await.map(|()| Action::await_change());
    }
    // 3. Build: what is due, and the objects that it takes.
    let situation = look.situation(pipeline, &observed);
    let steps = Steps::decide(&situation);
    let desired = build(&situation, &steps);
    if look.needs_finalizer_change(deletes_anything(pipeline)) {
        look.write_finalizer(deletes_anything(pipeline)).await?;
    }
    // 4. Apply: server-side, and delete what is no longer wanted.
    let object_changes =
        if steps.plan.is_some() { look.planned(pipeline, &observed, &owned) } else { Vec::new() };
    let applied = look.apply(desired, &owned).await;
    lock(&memory).low_since = steps.scaling.and_then(|decision| decision.low_since);
    // 5. Status: whatever came of it is told.
    let problem = applied.errors.first().map(ApplyError::problem);
    let outcome = Outcome::Reconciled {
        situation: &situation,
        steps: &steps,
        problem: problem.as_ref(),
        object_changes: &object_changes,
    };
    look.tell(&outcome).await?;
    if applied.errors.is_empty() {
        Ok(Action::await_change())
    } else {
        Err(ReconcileError::Objects(applied.errors.len()))
    }
}

/// A resource that this operator cannot read: its metadata is all that is known. Told once for each thing that is wrong.
async fn undecodable(
    context: &Context,
    memory: &Mutex<Memory>,
    guarded: &Guarded,
    error: &str,
) -> Result<Action, ReconcileError> {
    let generation = guarded.meta().generation;
    let told = format!("{generation:?} {error}");
    if lock(memory).told_undecodable.as_ref() != Some(&told) {
        let next = status(None, generation, &Outcome::Undecodable(error), Timestamp::now());
        write_status(context, &key_of(guarded), &next).await?;
        lock(memory).told_undecodable = Some(told);
    }
    Ok(Action::await_change())
}

/// One look at one pipeline.
struct Look<'a> {
    context: &'a Context,
    resource: &'a UserStreamPipeline,
    uid: &'a str,
    memory: &'a Mutex<Memory>,
    now: Timestamp,
}

impl Look<'_> {
    fn key(&self) -> PipelineKey {
        PipelineKey {
            namespace: self.resource.namespace().unwrap_or_default(),
            name: self.resource.name_any(),
        }
    }

    /// The pipeline's own objects. Those of an older pipeline of the same name are on their way out and not seen.
    fn observe(&self) -> Observed {
        fn own<K: Resource>(objects: Vec<Arc<K>>, uid: &str) -> Vec<Arc<K>> {
            objects.into_iter().filter(|object| is_owned_by(object.as_ref(), Some(uid))).collect()
        }
        let (caches, key, uid) = (&self.context.caches, self.key(), self.uid);
        let cron_jobs = own(caches.cron_jobs.of(&key), uid);
        let owners: BTreeSet<&str> =
            cron_jobs.iter().filter_map(|it| it.metadata.uid.as_deref()).chain([uid]).collect();
        let jobs = caches.jobs.of(&key).into_iter();
        let jobs =
            jobs.filter(|job| owners.iter().any(|owner| is_owned_by(job.as_ref(), Some(owner)))).collect();
        let born = self.resource.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let mut pods = caches.pods.of(&key);
        pods.retain(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0) >= born);
        Observed {
            config_maps: own(caches.config_maps.of(&key), uid),
            jobs,
            deployments: own(caches.deployments.of(&key), uid),
            pod_disruption_budgets: own(caches.pod_disruption_budgets.of(&key), uid),
            network_policies: own(caches.network_policies.of(&key), uid),
            pod_monitors: own(caches.pod_monitors.of(&key), uid),
            kafka_topics: own(caches.kafka_topics.of(&key), uid),
            reports: self.context.reports.of(pods.iter().map(AsRef::as_ref)),
            cron_jobs,
            pods,
        }
    }

    fn situation<'s>(&'s self, pipeline: &'s Pipeline, observed: &'s Observed) -> Situation<'s> {
        Situation {
            resource: self.resource,
            pipeline,
            settings: &self.context.settings,
            observed,
            low_since: lock(self.memory).low_since,
            now: self.now,
        }
    }

    fn caches_have_seen_every_write(&self, owned: &Owned) -> bool {
        lock(self.memory).expectations.are_met(self.now, |what| match what {
            Written::Pipeline => self.resource.metadata.resource_version.clone(),
            Written::Object(kind, name) => owned.find(*kind, name)?.version.clone(),
        })
    }

    async fn apply(&self, desired: crate::build::Desired, owned: &Owned) -> Applied {
        let key = self.key();
        let target = Target { namespace: &key.namespace, uid: self.uid, settings: &self.context.settings };
        let mut expectations = lock(self.memory).expectations.clone();
        let applied = apply(&self.context.client, target, desired, owned, &mut expectations).await;
        lock(self.memory).expectations = expectations;
        self.context.metrics.wrote(applied.writes);
        applied
    }

    /// What would change among the objects if the mode were Apply.
    fn planned(&self, pipeline: &Pipeline, observed: &Observed, owned: &Owned) -> Vec<String> {
        let mut applying = pipeline.clone();
        applying.mode = userstream_crds::model::Mode::Apply;
        let situation = self.situation(&applying, observed);
        // As if provisioning had succeeded: the plan is about the end, not about the next step.
        let mut steps = Steps::decide(&situation);
        steps.processor = crate::steps::Turn::Wanted;
        steps.producer = crate::steps::Turn::Wanted;
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

    fn has_finalizer(&self) -> bool {
        self.resource.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
    }

    fn needs_finalizer_change(&self, wants: bool) -> bool {
        self.has_finalizer() != wants
    }

    /// Adds or removes the finalizer, and nothing else; not when the pipeline has changed since it was looked at.
    async fn write_finalizer(&self, wants: bool) -> Result<(), ReconcileError> {
        let others = self.resource.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned();
        let finalizers: Vec<String> = others.chain(wants.then(|| FINALIZER.to_owned())).collect();
        let patch = json!({"metadata": {
            "finalizers": finalizers,
            "resourceVersion": self.resource.metadata.resource_version,
            "uid": self.uid,
        }});
        let key = self.key();
        let api: Api<DynamicObject> = pipelines(&self.context.client, &key.namespace);
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match api.patch(&key.name, &parameters, &Patch::Merge(&patch)).await {
            Ok(written) => {
                let version = written.resource_version();
                lock(self.memory).expectations.expect(Written::Pipeline, version, self.now);
                Ok(())
            }
            Err(kube::Error::Api(gone)) if gone.code == 404 => Ok(()),
            Err(source) => Err(ReconcileError::Pipeline { what: "finalizer", source: Box::new(source) }),
        }
    }

    /// Deletes what the pipeline created where it says so, for a bounded time, and lets it go.
    async fn delete(
        &self,
        pipeline: Option<&Pipeline>,
        observed: &Observed,
        owned: &Owned,
    ) -> Result<Action, ReconcileError> {
        if !self.has_finalizer() {
            return Ok(Action::await_change());
        }
        // An edit that is refused does not change what is to be deleted: the last good configuration says it as well.
        let last_good =
            || observed.config_maps.iter().find_map(|it| Configuration::read(it)).map(|last| last.pipeline);
        let Some(pipeline) = pipeline.cloned().or_else(last_good) else {
            return self
                .release("the spec is invalid, so it is not known what to delete: everything stays")
                .await;
        };
        let situation = self.situation(&pipeline, observed);
        let deleted_at = self.resource.metadata.deletion_timestamp.as_ref().map_or(self.now, |time| time.0);
        let next = cleanup(&situation, deleted_at);
        match &next {
            Cleanup::Done => self.write_finalizer(false).await.map(|()| Action::await_change()),
            Cleanup::GivenUp { reason } => self.release(reason).await,
            Cleanup::Working { desired, deadline, .. } => {
                let applied = self.apply(desired.clone(), owned).await;
                if applied.errors.iter().any(|error| matches!(error, ApplyError::NamespaceTerminating)) {
                    return self
                        .release("the namespace is being deleted: what the pipeline created stays")
                        .await;
                }
                self.tell(&Outcome::CleaningUp(&next)).await?;
                let left = Duration::try_from(deadline.duration_since(self.now)).unwrap_or_default();
                Ok(Action::requeue(left.max(Duration::from_secs(1))))
            }
        }
    }

    /// Lets a pipeline go without having deleted what it created, and says so.
    async fn release(&self, why: &str) -> Result<Action, ReconcileError> {
        tracing::warn!(reason = why, "released without cleaning up");
        self.announce(&announce::event(EventType::Warning, "CleanupGivenUp", why)).await;
        self.write_finalizer(false).await.map(|()| Action::await_change())
    }

    /// Writes the status when it differs, and announces what is worth it.
    async fn tell(&self, outcome: &Outcome<'_>) -> Result<(), ReconcileError> {
        let before = self.resource.status.as_ref();
        let next = status(before, self.resource.metadata.generation, outcome, self.now);
        if before == Some(&next) {
            return Ok(());
        }
        let version = write_status(self.context, &self.key(), &next).await?;
        lock(self.memory).expectations.expect(Written::Pipeline, version, self.now);
        for event in announce::events(before, &next) {
            self.announce(&event).await;
        }
        Ok(())
    }

    async fn announce(&self, event: &kube::runtime::events::Event) {
        let reference = self.resource.object_ref(&());
        if let Err(error) = self.context.recorder.publish(event, &reference).await {
            tracing::warn!(%error, reason = event.reason, "the event cannot be published");
        }
    }
}

async fn write_status(
    context: &Context,
    key: &PipelineKey,
    status: &PipelineStatus,
) -> Result<Option<String>, ReconcileError> {
    let body = json!({
        "apiVersion": UserStreamPipeline::api_version(&()),
        "kind": UserStreamPipeline::kind(&()),
        "metadata": {"name": key.name, "namespace": key.namespace},
        "status": status,
    });
    let api: Api<DynamicObject> = pipelines(&context.client, &key.namespace);
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    match api.patch_status(&key.name, &parameters, &Patch::Apply(&body)).await {
        Ok(written) => {
            context.metrics.wrote(1);
            Ok(written.resource_version())
        }
        // Gone meanwhile: there is nobody to tell.
        Err(kube::Error::Api(gone)) if gone.code == 404 => Ok(None),
        Err(source) => Err(ReconcileError::Pipeline { what: "status", source: Box::new(source) }),
    }
}

fn pipelines(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<UserStreamPipeline>(&()))
}

/// What a pipeline claims: by its spec, or by the configuration it goes on with when the spec is refused.
pub(super) fn note_claims(context: &Context, pipeline: &Guarded) {
    let Ok(resource) = &pipeline.0 else { return };
    let uid = resource.uid().unwrap_or_default();
    let memory = context.memories.of(&uid);
    let validated = lock(&memory).validate(resource);
    let last_good = || {
        let found = context.caches.config_maps.of(&key_of(pipeline));
        found.iter().find_map(|it| Configuration::read(it)).map(|last| claims(&last.pipeline))
    };
    let mut index = lock(&context.claims);
    let claimed = match validated.as_ref() {
        Ok(pipeline) => Some(claims(pipeline)),
        Err(_) if index.knows(&uid) => None,
        Err(_) => last_good(),
    };
    index.insert(resource, claimed);
}
