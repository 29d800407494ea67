//! The writes that make the owned objects match the desired ones, in order.

use serde_json::Value;

use super::last_applied::{Change, change, with_hash};
use crate::manifest::{Desired, Manifest};
use crate::model::kind::Kind;
use crate::model::owned::{Owned, OwnedObject};
use crate::model::workload::stopped_fields;

/// A write of an object of the pipeline. A write with a UID does nothing to another object of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectWrite {
    /// Creates an object. An object of the same name that does not belong to the pipeline is left alone.
    Create(Manifest),
    /// Creates the cleanup Job. The stores may be stale, so the API server is asked first whether the pipeline has
    /// changed since the decision, and whether a pod that could create anything again still runs.
    CreateCleanup(Manifest),
    /// Applies an object again.
    Update {
        /// The desired object.
        manifest: Manifest,
        /// Its UID.
        uid: String,
    },
    /// Stops a workload and changes nothing else of it.
    Stop {
        /// Deployment or CronJob.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Deletes an object.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
}

impl ObjectWrite {
    /// The kind of the object.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Create(manifest) | Self::CreateCleanup(manifest) | Self::Update { manifest, .. } => {
                manifest.kind
            }
            Self::Stop { kind, .. } | Self::Delete { kind, .. } => *kind,
        }
    }

    /// The name of the object.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Create(manifest) | Self::CreateCleanup(manifest) | Self::Update { manifest, .. } => {
                &manifest.name
            }
            Self::Stop { name, .. } | Self::Delete { name, .. } => name,
        }
    }

    /// Whether the following writes depend on this one: pods need their configuration.
    #[must_use]
    pub fn is_required_by_next(&self) -> bool {
        self.kind() == Kind::ConfigMap && !matches!(self, Self::Delete { .. })
    }
}

/// The writes in order: workloads stop, objects are applied, and objects that are no longer desired are deleted.
#[must_use]
pub fn writes(desired: Desired, owned: &Owned) -> Vec<ObjectWrite> {
    let surplus: Vec<ObjectWrite> =
        owned.iter().filter(|object| !desired.contains(object.kind, &object.name)).map(delete).collect();
    let stopping = owned.iter().filter(|object| desired.stops(object.kind, &object.name) && runs(object));
    let stopping: Vec<ObjectWrite> = stopping.map(stop).collect();
    let cleanup = desired.cleanup.clone();
    let applied = desired.manifests.into_iter().map(with_hash).filter_map(|manifest| {
        let existing = owned.find(manifest.kind, &manifest.name);
        match (change(&manifest, existing.map(|existing| &existing.body)), existing) {
            (Change::None, _) => None,
            (Change::Update, Some(existing)) => {
                Some(ObjectWrite::Update { manifest, uid: existing.uid.clone() })
            }
            (Change::Replace, Some(existing)) => Some(delete(existing)),
            _ if manifest.kind == Kind::Job && cleanup.as_ref() == Some(&manifest.name) => {
                Some(ObjectWrite::CreateCleanup(manifest))
            }
            _ => Some(ObjectWrite::Create(manifest)),
        }
    });
    stopping.into_iter().chain(applied).chain(surplus).collect()
}

fn delete(object: &OwnedObject) -> ObjectWrite {
    ObjectWrite::Delete { kind: object.kind, name: object.name.clone(), uid: object.uid.clone() }
}

fn stop(object: &OwnedObject) -> ObjectWrite {
    ObjectWrite::Stop { kind: object.kind, name: object.name.clone(), uid: object.uid.clone() }
}

/// Whether a workload is not stopped yet.
fn runs(object: &OwnedObject) -> bool {
    let Some(Value::Object(stopped)) = stopped_fields(object.kind) else { return false };
    stopped.iter().any(|(field, value)| object.body.pointer(&format!("/spec/{field}")) != Some(value))
}
