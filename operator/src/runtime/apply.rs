//! Makes the writes that were decided on. One failure does not stop the others.

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

use crate::diff::expectations::{Expectations, ObjectKey};
use crate::diff::object_write::{ObjectWrite, stopped};
use crate::manifest::{MAKERS, Manifest};
use crate::model::kind::Kind;
use crate::model::observed::is_owned_by;
use crate::model::settings::Settings;
use crate::runtime::apply::managed_fields::as_applied;
use crate::runtime::apply::request::Version;
use crate::runtime::reconcile_state::{ReconcileState, lock};
use crate::status::ApplyFailure;

/// Why an object could not be applied or deleted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// There is an object of this name that is not the pipeline's.
    #[error(
        "{kind} {name} exists and does not belong to this pipeline: delete or rename it, or rename the pipeline"
    )]
    Foreign {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The pipeline has changed since it was looked at, and what cannot be undone is not done for what it was.
    #[error("the pipeline has changed meanwhile")]
    Outdated,
    /// Pods still work that could make again what is to be deleted.
    #[error("{0} pods of the pipeline have not ended yet")]
    StillWorking(usize),
    /// The namespace is going, and nothing is created in it any more.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// The API server refuses it.
    #[error("{kind} {name}: {source}")]
    Api {
        /// The object's kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    fn of(kind: Kind, name: &str, error: kube::Error) -> Self {
        let status = status_of(&error);
        let causes =
            status.and_then(|status| status.details.as_ref()).map(|details| details.causes.as_slice());
        if causes.unwrap_or_default().iter().any(|cause| cause.reason == "NamespaceTerminating") {
            return Self::NamespaceTerminating;
        }
        Self::Api { kind: kind.name(), name: name.to_owned(), source: Box::new(error) }
    }

    /// The problem as the status tells it.
    pub(crate) fn problem(&self) -> ApplyFailure {
        let (reason, is_final) = match self {
            Self::Foreign { .. } => ("NameTaken", true),
            Self::NamespaceTerminating => ("NamespaceTerminating", true),
            Self::Outdated | Self::StillWorking(_) => ("CleanupWaits", false),
            Self::Api { source, .. } => match status_of(source).map(|status| status.code) {
                Some(403) => ("Forbidden", false),
                Some(422) => ("Invalid", true),
                Some(404 | 409) => ("WriteConflict", false),
                _ => ("ApiUnavailable", false),
            },
        };
        ApplyFailure { reason, message: self.to_string(), is_final }
    }
}

fn status_of(error: &kube::Error) -> Option<&kube::core::Status> {
    match error {
        kube::Error::Api(status) => Some(status),
        _ => None,
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// How many objects were written or deleted.
    pub(crate) writes: usize,
    /// What could not be.
    pub(crate) errors: Vec<ApplyError>,
}

/// Whose objects they are and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApplyContext<'a> {
    pub(crate) namespace: &'a str,
    /// The name of the pipeline.
    pub(crate) pipeline: &'a str,
    /// The version of it that was looked at.
    pub(crate) version: Option<&'a str>,
    /// Its UID.
    pub(crate) uid: &'a str,
    pub(crate) settings: &'a Settings,
}

impl ApplyContext<'_> {
    fn api(&self, client: &Client, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), self.namespace, &kind.api(self.settings.kinds.kafka_topic))
    }
}

/// Makes the writes, one after the other. What is written is noted at once: this may be stopped between any two of them, and
/// within one.
pub(crate) async fn apply(
    client: &Client,
    target: ApplyContext<'_>,
    writes: &[ObjectWrite],
    memory: &Mutex<ReconcileState>,
) -> Applied {
    let mut applied = Applied::default();
    for write in writes {
        let (kind, name) = (write.kind(), write.name());
        let what = ObjectKey::Object(kind, name.to_owned());
        lock(memory).expectations.begin(what.clone(), Timestamp::now());
        match make(client, target, write).await {
            Ok(made) => {
                applied.writes += 1;
                note(&mut lock(memory).expectations, what, made);
                let deletes = matches!(write, ObjectWrite::Delete { .. });
                tracing::info!(kind = kind.name(), name, "{}", if deletes { "deleted" } else { "applied" });
            }
            Err(error) => {
                lock(memory).expectations.forget(&what);
                tracing::warn!(kind = kind.name(), name, %error, "not written");
                let ends = write.is_needed_by_the_next() || matches!(error, ApplyError::NamespaceTerminating);
                applied.errors.push(error);
                if ends {
                    return applied;
                }
            }
        }
    }
    applied
}

/// What a write came to.
enum Made {
    /// Something that was not there.
    Created(Version),
    /// Another version of what was, also of what was taken for missing.
    Changed(Version),
    /// Nothing.
    Deleted,
}

/// That something comes into being is told as it will be seen. What comes of a change is not: a rollout, or nothing.
fn note(expectations: &mut Expectations, what: ObjectKey, made: Made) {
    let now = Timestamp::now();
    match made {
        Made::Created(version) => expectations.foresee(what, version, now),
        Made::Changed(version) => expectations.expect(what, version, now),
        Made::Deleted => expectations.forget(&what),
    }
}

async fn make(client: &Client, target: ApplyContext<'_>, write: &ObjectWrite) -> Result<Made, ApplyError> {
    match write {
        ObjectWrite::Create(manifest) => create(client, target, manifest).await,
        ObjectWrite::CreateCleanup(manifest) => {
            may_clean_up(client, target, manifest).await?;
            create(client, target, manifest).await
        }
        ObjectWrite::Update { manifest, uid } => {
            update(client, target, manifest, uid).await.map(Made::Changed)
        }
        ObjectWrite::Stop { kind, name, uid } => {
            stop(client, target, *kind, name, uid).await.map(Made::Changed)
        }
        ObjectWrite::Delete { kind, name, uid } => {
            delete(client, target, *kind, name, uid.clone()).await.map(|()| Made::Deleted)
        }
    }
}

/// Asks the API server, not the caches, whether the pipeline still is what was decided from and nothing of it works any more.
async fn may_clean_up(
    client: &Client,
    target: ApplyContext<'_>,
    manifest: &Manifest,
) -> Result<(), ApplyError> {
    let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
    let of = ApiResource::erase::<UserStreamPipeline>(&());
    let pipelines: Api<DynamicObject> = Api::namespaced_with(client.clone(), target.namespace, &of);
    // A list of one: it takes no other right than the watch.
    let this_one = ListParams::default().fields(&format!("metadata.name={}", target.pipeline));
    let found = pipelines.list_metadata(&this_one).await.map_err(fail)?;
    let version = found.items.into_iter().next().and_then(|pipeline| pipeline.metadata.resource_version);
    if version.as_deref() != target.version {
        return Err(ApplyError::Outdated);
    }
    let makers = MAKERS.map(Component::name).join(",");
    let selector = format!("{PIPELINE}={},{COMPONENT} in ({makers})", target.pipeline);
    let pods: Api<Pod> = Api::namespaced(client.clone(), target.namespace);
    let pods = pods.list_metadata(&ListParams::default().labels(&selector)).await.map_err(fail)?;
    if pods.items.is_empty() { Ok(()) } else { Err(ApplyError::StillWorking(pods.items.len())) }
}

/// Creates an object that the cache does not have. A creation never touches what is there: what somebody else has created under
/// its name is left alone. One that is the pipeline's after all has lost the labels that the cache knows it by, to whoever has
/// changed them. What an older pipeline of this name has left behind for the topic's sake is taken over.
async fn create(client: &Client, target: ApplyContext<'_>, manifest: &Manifest) -> Result<Made, ApplyError> {
    let api = target.api(client, manifest.kind);
    let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let body = serde_json::to_vec(&manifest.body).map_err(|error| fail(kube::Error::SerdeError(error)))?;
    let refusal = match request::send(client, request::of(&api).create(&parameters, body)).await {
        Ok(created) => return Ok(Made::Created(created)),
        Err(refusal) => refusal,
    };
    let is_there = status_of(&refusal).is_some_and(kube::core::Status::is_already_exists);
    let existing = if is_there { api.get_metadata_opt(&manifest.name).await.map_err(fail)? } else { None };
    // One that is gone again meanwhile is created at the next look.
    let Some(existing) = existing else { return Err(fail(refusal)) };
    if !is_owned_by(&existing, Some(target.uid)) && !manifest.takes_over(&existing, target.pipeline) {
        return Err(ApplyError::Foreign { kind: manifest.kind.name(), name: manifest.name.clone() });
    }
    apply_to(client, target, manifest, existing).await.map(Made::Changed)
}

/// Applies an object that is the pipeline's. With its UID, so that another one of its name is not mistaken for it.
async fn update(
    client: &Client,
    target: ApplyContext<'_>,
    manifest: &Manifest,
    uid: &str,
) -> Result<Version, ApplyError> {
    let existing = target.api(client, manifest.kind).get_metadata(&manifest.name).await;
    let mut existing = existing.map_err(|error| ApplyError::of(manifest.kind, &manifest.name, error))?;
    existing.metadata.uid = Some(uid.to_owned());
    apply_to(client, target, manifest, existing).await
}

/// Applies a manifest to what is there of it.
async fn apply_to(
    client: &Client,
    target: ApplyContext<'_>,
    manifest: &Manifest,
    existing: PartialObjectMeta<DynamicObject>,
) -> Result<Version, ApplyError> {
    let api = target.api(client, manifest.kind);
    let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
    let ObjectMeta { uid, resource_version, managed_fields, .. } = existing.metadata;
    if let Some(notes) = as_applied(&managed_fields.unwrap_or_default()) {
        let noted =
            json!({"metadata": {"uid": uid, "resourceVersion": resource_version, "managedFields": notes}});
        api.patch_metadata(&manifest.name, &PatchParams::default(), &Patch::Merge(&noted))
            .await
            .map_err(fail)?;
    }
    let mut body = manifest.body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("uid".to_owned(), json!(uid));
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patch = request::of(&api).patch(&manifest.name, &parameters, &Patch::Apply(&body));
    request::send(client, patch).await.map_err(fail)
}

/// Has a workload stop. With its UID, as above.
async fn stop(
    client: &Client,
    target: ApplyContext<'_>,
    kind: Kind,
    name: &str,
    uid: &str,
) -> Result<Version, ApplyError> {
    let patch = json!({"metadata": {"uid": uid}, "spec": stopped(kind)});
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = request::of(&target.api(client, kind)).patch(name, &parameters, &Patch::Merge(&patch));
    request::send(client, patch).await.map_err(|error| ApplyError::of(kind, name, error))
}

async fn delete(
    client: &Client,
    target: ApplyContext<'_>,
    kind: Kind,
    name: &str,
    uid: String,
) -> Result<(), ApplyError> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    match target.api(client, kind).delete(name, &parameters).await {
        Ok(_) => Ok(()),
        // Gone already, or another object of that name: neither is ours to delete any more.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(ApplyError::of(kind, name, error)),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::any;
    use tokio::sync::mpsc;

    use super::*;
    use crate::runtime::fake_api_server::answering;

    fn delete_of(name: &str) -> ObjectWrite {
        ObjectWrite::Delete { kind: Kind::Job, name: name.to_owned(), uid: "1".to_owned() }
    }

    fn stop_of(name: &str) -> ObjectWrite {
        ObjectWrite::Stop { kind: Kind::Deployment, name: name.to_owned(), uid: "1".to_owned() }
    }

    /// Answers a write of `first` with version 7, and no other.
    async fn api_server(asked: mpsc::Sender<()>) -> Client {
        let answer = |path: axum::extract::Path<String>| async move {
            if !path.0.ends_with("first") {
                let _ = asked.send(()).await;
                std::future::pending::<()>().await;
            }
            let name = path.0.rsplit('/').next().unwrap_or_default().to_owned();
            let metadata = json!({"name": name, "namespace": "demo", "resourceVersion": "7"});
            axum::Json(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}))
        };
        answering(Router::new().route("/{*path}", any(answer))).await
    }

    #[tokio::test]
    async fn writes_of_a_look_that_was_stopped_are_waited_for_answered_or_not() {
        let (asked, mut is_asked) = mpsc::channel(1);
        let client = api_server(asked).await;
        let settings = Settings::with_worker_image("example.org/userstream-worker:1");
        let target = ApplyContext {
            namespace: "demo",
            pipeline: "users",
            version: None,
            uid: "1",
            settings: &settings,
        };
        let memory = Mutex::new(ReconcileState::default());
        let writes = [delete_of("first"), stop_of("first"), stop_of("second"), stop_of("third")];
        tokio::select! {
            _ = apply(&client, target, &writes, &memory) => panic!("the API server has answered"),
            asked = is_asked.recv() => assert!(asked.is_some()),
        }
        let now = Timestamp::now();
        let waits_for = |name: &str, seen: Option<&str>| {
            let mut expectations = lock(&memory).expectations.clone();
            let others = |what: &ObjectKey| *what != ObjectKey::Object(Kind::Deployment, name.to_owned());
            for other in
                ["first", "second", "third"].map(|it| ObjectKey::Object(Kind::Deployment, it.to_owned()))
            {
                if others(&other) {
                    expectations.forget(&other);
                }
            }
            !expectations.are_met(now, |_| seen.map(str::to_owned))
        };
        assert!(waits_for("first", Some("6")) && !waits_for("first", Some("7")));
        assert!(waits_for("second", Some("6")), "it is not known what became of it");
        assert!(!waits_for("third", None), "it was not begun");
    }

    #[tokio::test]
    async fn what_was_taken_for_missing_and_is_there_is_looked_at_again() {
        let object = |is_there: bool| {
            let owner = json!({"apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline", "name": "users",
                "uid": "1", "controller": true});
            let metadata = json!({"name": "users-processor", "namespace": "demo", "uid": "2",
                "resourceVersion": if is_there { "9" } else { "7" }, "ownerReferences": [owner]});
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
        };
        for is_there in [false, true] {
            let answer = move |method: axum::http::Method| async move {
                if method == axum::http::Method::POST && is_there {
                    let refusal = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409,
                        "message": "it exists", "reason": "AlreadyExists"});
                    return (axum::http::StatusCode::CONFLICT, axum::Json(refusal));
                }
                (axum::http::StatusCode::OK, axum::Json(object(is_there)))
            };
            let client = answering(Router::new().route("/{*path}", any(answer))).await;
            let settings = Settings::with_worker_image("example.org/userstream-worker:1");
            let target = ApplyContext {
                namespace: "demo",
                pipeline: "users",
                version: None,
                uid: "1",
                settings: &settings,
            };
            let name = "users-processor".to_owned();
            let manifest = Manifest { kind: Kind::Deployment, name: name.clone(), body: object(is_there) };
            let memory = Mutex::new(ReconcileState::default());
            let applied = apply(&client, target, &[ObjectWrite::Create(manifest)], &memory).await;
            assert_eq!((applied.writes, applied.errors.len()), (1, 0), "{:?}", applied.errors);
            let what = ObjectKey::Object(Kind::Deployment, name);
            let version = if is_there { "9" } else { "7" };
            assert_eq!(lock(&memory).expectations.foresaw(&what, version), !is_there);
        }
    }
}
