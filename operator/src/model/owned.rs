//! The objects that a pipeline owns, of every kind alike.

use std::sync::Arc;

use kube::Resource;
use serde::Serialize;
use serde_json::Value;

use super::kind::Kind;
use super::observed::{Observed, is_owned_by};

/// An object that a pipeline owns.
#[derive(Clone, Debug)]
pub struct OwnedObject {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its UID, which another object of the same name does not have.
    pub uid: String,
    /// All of it, as the API serves it.
    pub body: Value,
}

/// All objects that a pipeline owns.
#[derive(Clone, Debug, Default)]
pub struct Owned(Vec<OwnedObject>);

impl Owned {
    /// The observed objects that belong to the pipeline with this UID. The Jobs of a CronJob belong to the CronJob.
    #[must_use]
    pub fn of(observed: &Observed, uid: &str) -> Self {
        let mut all = Self::default();
        all.add(Kind::ConfigMap, &observed.config_maps, uid);
        all.add(Kind::Job, &observed.jobs, uid);
        all.add(Kind::CronJob, &observed.cron_jobs, uid);
        all.add(Kind::Deployment, &observed.deployments, uid);
        all.add(Kind::PodDisruptionBudget, &observed.pod_disruption_budgets, uid);
        all.add(Kind::NetworkPolicy, &observed.network_policies, uid);
        all.add(Kind::PodMonitor, &observed.pod_monitors, uid);
        all.add(Kind::KafkaTopic, &observed.kafka_topics, uid);
        all
    }

    fn add<K: Resource + Serialize>(&mut self, kind: Kind, objects: &[Arc<K>], uid: &str) {
        let own = objects.iter().filter(|object| is_owned_by(object.as_ref(), Some(uid)));
        self.0.extend(own.map(|object| {
            let metadata = object.meta();
            OwnedObject {
                kind,
                name: metadata.name.clone().unwrap_or_default(),
                uid: metadata.uid.clone().unwrap_or_default(),
                body: serde_json::to_value(object.as_ref()).unwrap_or_default(),
            }
        }));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &OwnedObject> {
        self.0.iter()
    }

    /// The object of this kind and name.
    #[must_use]
    pub fn find(&self, kind: Kind, name: &str) -> Option<&OwnedObject> {
        self.0.iter().find(|object| object.kind == kind && object.name == name)
    }
}
