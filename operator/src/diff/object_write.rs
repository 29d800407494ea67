//! From what is to be there and what is there to the writes between the two, in order.

use crate::diff::last_applied::{Change, change, sealed};
use crate::manifest::{Desired, Manifest};
use crate::model::kind::Kind;
use crate::model::owned::{Owned, OwnedObject};

/// A write of an object of the pipeline. What names a UID does nothing to another object of that name.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectWrite {
    /// Creates an object. One of that name that is not the pipeline's is left alone.
    Create(Manifest),
    /// Creates the Job that deletes what the pipeline created. The caches are not enough for that: the API server is asked
    /// whether the pipeline still is what the decision was made from, and whether the last pod that could make anything
    /// again has ended.
    CreateCleanup(Manifest),
    /// Applies an object again.
    Update {
        /// What it is to be.
        manifest: Manifest,
        /// Its UID.
        uid: String,
    },
    /// Has a workload stop and changes nothing else of it.
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

    /// Whether the writes after this one need it: a pod its configuration.
    #[must_use]
    pub fn is_needed_by_the_next(&self) -> bool {
        self.kind() == Kind::ConfigMap && !matches!(self, Self::Delete { .. })
    }
}

/// The writes that make what is there what is to be there. Objects that are no longer wanted go last.
#[must_use]
pub fn writes(desired: Desired, owned: &Owned) -> Vec<ObjectWrite> {
    let surplus: Vec<ObjectWrite> =
        owned.iter().filter(|object| !desired.has(object.kind, &object.name)).map(delete).collect();
    let stopping = owned.iter().filter(|object| desired.stops(object.kind, &object.name) && works(object));
    let stopping: Vec<ObjectWrite> = stopping.map(stop).collect();
    let cleanup = desired.cleanup.clone();
    let applied = desired.manifests.into_iter().map(sealed).filter_map(|manifest| {
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

/// The fields, and their values, with which a workload does not work.
#[must_use]
pub fn stopped(kind: Kind) -> Option<serde_json::Value> {
    match kind {
        Kind::Deployment => Some(serde_json::json!({"replicas": 0})),
        Kind::CronJob => Some(serde_json::json!({"suspend": true})),
        Kind::ConfigMap
        | Kind::Job
        | Kind::PodDisruptionBudget
        | Kind::NetworkPolicy
        | Kind::PodMonitor
        | Kind::KafkaTopic => None,
    }
}

/// Whether a workload has not been stopped.
fn works(object: &OwnedObject) -> bool {
    let Some(serde_json::Value::Object(stopped)) = stopped(object.kind) else { return false };
    stopped.iter().any(|(field, value)| object.body.pointer(&format!("/spec/{field}")) != Some(value))
}
