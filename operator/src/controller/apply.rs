//! Makes the objects that are to be there, and deletes those that are not. One failure does not stop the others.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::expectations::{Expectations, Written};
use super::owned::Owned;
use crate::build::{Desired, Manifest};
use crate::drift::{Change, change, sealed};
use crate::kind::Kind;
use crate::names::FIELD_MANAGER;
use crate::observed::is_owned_by;
use crate::settings::Settings;
use crate::status::Problem;

/// Why an object could not be applied or deleted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
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
    pub(super) fn problem(&self) -> Problem {
        let (reason, is_final) = match self {
            Self::Foreign { .. } => ("NameTaken", true),
            Self::NamespaceTerminating => ("NamespaceTerminating", true),
            Self::Api { source, .. } => match status_of(source).map(|status| status.code) {
                Some(403) => ("Forbidden", false),
                Some(422) => ("Invalid", true),
                Some(409) => ("WriteConflict", false),
                _ => ("ApiUnavailable", false),
            },
        };
        Problem { reason, message: self.to_string(), is_final }
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
pub(super) struct Applied {
    /// How many objects were written or deleted.
    pub(super) writes: usize,
    /// What could not be.
    pub(super) errors: Vec<ApplyError>,
}

/// Whose objects they are and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) namespace: &'a str,
    /// The UID of the pipeline.
    pub(super) uid: &'a str,
    pub(super) settings: &'a Settings,
}

impl Target<'_> {
    fn api(&self, client: &Client, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), self.namespace, &kind.api(self.settings.kinds.kafka_topic))
    }
}

/// Applies what is desired and deletes what is not.
pub(super) async fn apply(
    client: &Client,
    target: Target<'_>,
    desired: Desired,
    owned: &Owned,
    expectations: &mut Expectations,
) -> Applied {
    let mut applied = Applied::default();
    let surplus: Vec<(Kind, String, String)> = owned
        .iter()
        .filter(|object| !desired.has(object.kind, &object.name))
        .map(|object| (object.kind, object.name.clone(), object.uid.clone()))
        .collect();
    for manifest in desired.manifests.into_iter().map(sealed) {
        let existing = owned.find(manifest.kind, &manifest.name);
        let outcome = match change(&manifest, existing.map(|existing| &existing.body)) {
            Change::None => continue,
            Change::Create => create(client, target, &manifest).await.map(Some),
            Change::Update => {
                let uid = existing.map(|existing| existing.uid.as_str()).unwrap_or_default();
                update(client, target, &manifest, uid).await.map(Some)
            }
            Change::Replace => {
                let uid = existing.map(|existing| existing.uid.clone()).unwrap_or_default();
                delete(client, target, manifest.kind, &manifest.name, uid).await.map(|()| None)
            }
        };
        match outcome {
            Ok(object) => {
                applied.writes += 1;
                let version = object.and_then(|object| object.resource_version());
                let what = Written::Object(manifest.kind, manifest.name.clone());
                expectations.expect(what, version, jiff::Timestamp::now());
                tracing::info!(kind = manifest.kind.name(), name = manifest.name, "applied");
            }
            Err(error) => {
                tracing::warn!(kind = manifest.kind.name(), name = manifest.name, %error, "not applied");
                // What comes later needs it: a pod its configuration, a workload the one before it.
                let ends = matches!(manifest.kind, Kind::ConfigMap)
                    || matches!(error, ApplyError::NamespaceTerminating);
                applied.errors.push(error);
                if ends {
                    return applied;
                }
            }
        }
    }
    for (kind, name, uid) in surplus {
        match delete(client, target, kind, &name, uid).await {
            Ok(()) => {
                applied.writes += 1;
                tracing::info!(kind = kind.name(), name, "deleted");
            }
            Err(error) => applied.errors.push(error),
        }
    }
    applied
}

/// Creates an object that the cache does not have. What somebody else has created under its name is left alone, and one that
/// comes into being between the question and the write is not overwritten: the write is not forced.
async fn create(
    client: &Client,
    target: Target<'_>,
    manifest: &Manifest,
) -> Result<DynamicObject, ApplyError> {
    let api = target.api(client, manifest.kind);
    let fail = |error| ApplyError::of(manifest.kind, &manifest.name, error);
    match api.get_metadata_opt(&manifest.name).await.map_err(fail)? {
        Some(existing) if !is_owned_by(&existing, Some(target.uid)) => {
            return Err(ApplyError::Foreign { kind: manifest.kind.name(), name: manifest.name.clone() });
        }
        _ => {}
    }
    let parameters = PatchParams::apply(FIELD_MANAGER);
    api.patch(&manifest.name, &parameters, &Patch::Apply(&manifest.body)).await.map_err(fail)
}

/// Applies an object that is the pipeline's. With its UID, so that another one of its name is not mistaken for it.
async fn update(
    client: &Client,
    target: Target<'_>,
    manifest: &Manifest,
    uid: &str,
) -> Result<DynamicObject, ApplyError> {
    let mut body = manifest.body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("uid".to_owned(), json!(uid));
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patched =
        target.api(client, manifest.kind).patch(&manifest.name, &parameters, &Patch::Apply(&body)).await;
    patched.map_err(|error| ApplyError::of(manifest.kind, &manifest.name, error))
}

async fn delete(
    client: &Client,
    target: Target<'_>,
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
