//! Carries out the writes of a plan, one after the other. A failed write does not stop those that do not depend on it.

mod error;
pub(crate) mod managed_fields;
pub(crate) mod pipeline;
pub(crate) mod request;

use std::sync::Mutex;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, PartialObjectMeta, Patch,
    PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use serde_json::{Value, json};
use userstream_crds::UserStreamPipeline;
use userstream_crds::names::{COMPONENT, Component, FIELD_MANAGER, PIPELINE};

use super::reconcile_state::ReconcileState;
use super::sync::lock;
use crate::diff::expectations::{Expectations, ObjectKey};
use crate::diff::last_applied::is_applied_from;
use crate::diff::object_write::ObjectWrite;
use crate::lifecycle::cleanup::CREATING_COMPONENTS;
use crate::manifest::Manifest;
use crate::model::kind::Kind;
use crate::model::observed::is_owned_by;
use crate::model::settings::KafkaTopicVersion;
use crate::model::workload::stopped_fields;
use managed_fields::as_applied;
use request::Version;

pub(crate) use error::ApplyError;

/// The result of the writes.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// How many objects were written or deleted.
    pub(crate) writes: usize,
    /// The failed writes.
    pub(crate) errors: Vec<ApplyError>,
}

/// Writes the objects of one pipeline.
#[derive(Clone, Copy)]
pub(crate) struct Applier<'a> {
    pub(crate) client: &'a Client,
    pub(crate) namespace: &'a str,
    /// The name of the pipeline.
    pub(crate) pipeline: &'a str,
    /// Its UID.
    pub(crate) uid: &'a str,
    /// The version of it that the plan was made from.
    pub(crate) version: Option<&'a str>,
    /// The version of KafkaTopics that the cluster serves.
    pub(crate) kafka_topics: Option<KafkaTopicVersion>,
}

/// What a write has done.
enum Done {
    /// Created an object.
    Created(Version),
    /// Changed an object, also one that the stores did not show.
    Changed(Version),
    /// Deleted an object.
    Deleted,
}

impl Applier<'_> {
    /// Carries out the writes. Records each expectation at once: the reconcile may be cancelled between two writes, and
    /// during one.
    pub(crate) async fn apply(&self, writes: &[ObjectWrite], state: &Mutex<ReconcileState>) -> Applied {
        let mut applied = Applied::default();
        for write in writes {
            let (kind, name) = (write.kind(), write.name());
            let key = ObjectKey::Owned(kind, name.to_owned());
            if let Some(reason) = refusal_of(&lock(state), &key, write) {
                applied.errors.push(ApplyError::Invalid(reason));
                if write.is_required_by_next() {
                    return applied;
                }
                continue;
            }
            lock(state).expectations.start(key.clone(), Timestamp::now());
            match self.write(write).await {
                Ok(done) => {
                    applied.writes += 1;
                    let is_deleted = matches!(done, Done::Deleted);
                    expect(&mut lock(state).expectations, key, done);
                    tracing::info!(
                        kind = kind.name(),
                        name,
                        "{}",
                        if is_deleted { "deleted" } else { "applied" }
                    );
                }
                Err(error) => {
                    lock(state).expectations.cancel(&key);
                    if error.is_invalid() {
                        lock(state).refused.insert(key, (write.clone(), error.to_string()));
                    }
                    tracing::warn!(kind = kind.name(), name, %error, "write failed");
                    let ends =
                        write.is_required_by_next() || matches!(error, ApplyError::NamespaceTerminating);
                    applied.errors.push(error);
                    if ends {
                        return applied;
                    }
                }
            }
        }
        applied
    }

    async fn write(&self, write: &ObjectWrite) -> Result<Done, ApplyError> {
        match write {
            ObjectWrite::Create(manifest) => self.create(manifest).await,
            ObjectWrite::CreateCleanup(manifest) => {
                self.check_cleanup(manifest).await?;
                self.create(manifest).await
            }
            ObjectWrite::Update { manifest, uid } => self.update(manifest, uid).await.map(Done::Changed),
            ObjectWrite::Stop { kind, name, uid } => self.stop(*kind, name, uid).await.map(Done::Changed),
            ObjectWrite::Delete { kind, name, uid } => {
                self.delete(*kind, name, uid.clone()).await.map(|()| Done::Deleted)
            }
        }
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), self.namespace, &kind.api(self.kafka_topics))
    }

    /// Asks the API server, not the stores, whether the pipeline is unchanged since the plan and whether no pod runs
    /// that could create anything again.
    async fn check_cleanup(&self, manifest: &Manifest) -> Result<(), ApplyError> {
        let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
        let of = ApiResource::erase::<UserStreamPipeline>(&());
        let pipelines: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), self.namespace, &of);
        // A list of one: it needs no right beside those of the watch.
        let only_this = ListParams::default().fields(&format!("metadata.name={}", self.pipeline));
        let found = pipelines.list_metadata(&only_this).await.map_err(fail)?;
        let version = found.items.into_iter().next().and_then(|pipeline| pipeline.metadata.resource_version);
        if version.as_deref() != self.version {
            return Err(ApplyError::Outdated);
        }
        let components = CREATING_COMPONENTS.map(Component::name).join(",");
        let selector = format!("{PIPELINE}={},{COMPONENT} in ({components})", self.pipeline);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), self.namespace);
        let pods = pods.list_metadata(&ListParams::default().labels(&selector)).await.map_err(fail)?;
        if pods.items.is_empty() { Ok(()) } else { Err(ApplyError::StillRunning(pods.items.len())) }
    }

    /// Creates an object that the store does not show. If there is one of its name: one of the pipeline has lost the
    /// label by which the store selects it, or its owner reference, and is updated; the retained object of an older
    /// pipeline of this name is adopted; any other is left alone.
    async fn create(&self, manifest: &Manifest) -> Result<Done, ApplyError> {
        let api = self.api(manifest.kind);
        let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
        let parameters =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let body =
            serde_json::to_vec(&manifest.body).map_err(|error| fail(kube::Error::SerdeError(error)))?;
        let refusal = match request::send(self.client, request::of(&api).create(&parameters, body)).await {
            Ok(created) => return Ok(Done::Created(created)),
            Err(refusal) => refusal,
        };
        let exists = matches!(&refusal, kube::Error::Api(status) if status.is_already_exists());
        let existing = if exists { api.get_metadata_opt(&manifest.name).await.map_err(fail)? } else { None };
        // One that was deleted meanwhile is created by the next reconcile.
        let Some(existing) = existing else { return Err(fail(refusal)) };
        let is_own = is_owned_by(&existing, Some(self.uid)) || is_applied_from(manifest, &existing.metadata);
        if !is_own && !manifest.may_adopt(&existing, self.pipeline) {
            return Err(ApplyError::Foreign { kind: manifest.kind.name(), name: manifest.name.clone() });
        }
        self.apply_to(manifest, existing).await.map(Done::Changed)
    }

    /// Applies an object of the pipeline. Its UID protects another object of the same name.
    async fn update(&self, manifest: &Manifest, uid: &str) -> Result<Version, ApplyError> {
        let existing = self.api(manifest.kind).get_metadata(&manifest.name).await;
        let mut existing = existing.map_err(|error| ApplyError::of(manifest.kind, &manifest.name, error))?;
        existing.metadata.uid = Some(uid.to_owned());
        self.apply_to(manifest, existing).await
    }

    /// Applies a manifest to an existing object by server-side apply, after a migration of the object's managed fields.
    async fn apply_to(
        &self,
        manifest: &Manifest,
        existing: PartialObjectMeta<DynamicObject>,
    ) -> Result<Version, ApplyError> {
        let api = self.api(manifest.kind);
        let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
        let ObjectMeta { uid, resource_version, managed_fields, .. } = existing.metadata;
        if let Some(entries) = as_applied(&managed_fields.unwrap_or_default()) {
            let migrated = json!({"metadata": {"uid": uid, "resourceVersion": resource_version, "managedFields": entries}});
            api.patch_metadata(&manifest.name, &PatchParams::default(), &Patch::Merge(&migrated))
                .await
                .map_err(fail)?;
        }
        let mut body = manifest.body.clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), json!(uid));
        }
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = request::of(&api).patch(&manifest.name, &parameters, &Patch::Apply(&body));
        request::send(self.client, patch).await.map_err(fail)
    }

    /// Stops a workload. Its UID protects another object of the same name.
    async fn stop(&self, kind: Kind, name: &str, uid: &str) -> Result<Version, ApplyError> {
        let patch = json!({"metadata": {"uid": uid}, "spec": stopped_fields(kind)});
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = request::of(&self.api(kind)).patch(name, &parameters, &Patch::Merge(&patch));
        request::send(self.client, patch).await.map_err(|error| ApplyError::of(kind, name, error))
    }

    async fn delete(&self, kind: Kind, name: &str, uid: String) -> Result<(), ApplyError> {
        let parameters = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match self.api(kind).delete(name, &parameters).await {
            Ok(_) => Ok(()),
            // It is deleted already, or another object has its name: nothing of the pipeline is left to delete.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(ApplyError::of(kind, name, error)),
        }
    }
}

/// Why the API server has refused this very write as invalid, if it has.
fn refusal_of(state: &ReconcileState, key: &ObjectKey, write: &ObjectWrite) -> Option<String> {
    let (refused, reason) = state.refused.get(key)?;
    (refused == write).then(|| reason.clone())
}

/// Expects what a write has done. The status already reports a created object as the watch will show it. What follows
/// from a change, such as a rollout, is not known yet.
fn expect(expectations: &mut Expectations, key: ObjectKey, done: Done) {
    let now = Timestamp::now();
    match done {
        Done::Created(version) => expectations.expect_accounted(key, version, now),
        Done::Changed(version) => expectations.expect(key, version, now),
        Done::Deleted => expectations.cancel(&key),
    }
}

#[cfg(test)]
mod tests;
