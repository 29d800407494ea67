//! The objects of one kind, indexed by the pipeline that their label names.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use userstream_crds::names::PIPELINE;

use super::compressed::Compressed;
use super::endpoint::{Endpoint, Target};
use super::transform::StoreTransform;
use crate::model::pipeline_key::PipelineKey;

/// An object that can be stored.
pub(crate) trait Stored: StoreTransform + Serialize + DeserializeOwned {
    /// The endpoint of the worker, if the object is the pod of one.
    fn endpoint(&self) -> Option<Endpoint> {
        None
    }
}

impl Stored for ConfigMap {}
impl Stored for CronJob {}
impl Stored for Deployment {}
impl Stored for DynamicObject {}
impl Stored for Job {}
impl Stored for NetworkPolicy {}
impl Stored for PodDisruptionBudget {}

impl Stored for Pod {
    fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::of(self)
    }
}

/// An object in the index.
#[derive(Debug)]
pub(crate) struct IndexedObject {
    pub(crate) object: Compressed,
    pub(crate) endpoint: Option<Endpoint>,
}

/// The objects of one kind.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    /// By pipeline and by name.
    all: HashMap<PipelineKey, HashMap<String, IndexedObject>>,
    /// A hash of each name. Most objects that are unknown for their pipeline are new, and need no search among all
    /// others. Two names of one hash cost a needless search.
    names: HashSet<u64>,
    hashes: RandomState,
}

impl Indexer {
    /// The objects of a pipeline, by name.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Option<&HashMap<String, IndexedObject>> {
        self.all.get(pipeline)
    }

    /// Each object with its pipeline and its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PipelineKey, &String, &IndexedObject)> {
        self.all.iter().flat_map(|(pipeline, own)| own.iter().map(move |(name, it)| (pipeline, name, it)))
    }

    /// The pipelines that have objects.
    pub(crate) fn pipelines(&self) -> impl Iterator<Item = &PipelineKey> {
        self.all.keys()
    }

    /// Stores an object. Returns its worker if that has become ready.
    pub(crate) fn insert<K: Stored>(&mut self, pipeline: PipelineKey, mut object: K) -> Option<Target> {
        let (pod, endpoint) = (object.name_any(), object.endpoint());
        object.transform();
        let indexed = IndexedObject { object: Compressed::of(&object), endpoint };
        self.names.insert(self.hashes.hash_one((&pipeline.namespace, &pod)));
        let before = self.all.entry(pipeline.clone()).or_default().insert(pod.clone(), indexed);
        let was_ready = before.and_then(|before| before.endpoint).is_some_and(|endpoint| endpoint.is_ready);
        let endpoint = endpoint.filter(|endpoint| endpoint.is_ready && !was_ready)?;
        Some(Target { pipeline, pod, endpoint })
    }

    /// Removes an object from the pipeline that it belonged to before, unless that is this one. Returns that pipeline:
    /// another client may have changed the label.
    pub(crate) fn remove_unless_of<K: Resource>(
        &mut self,
        pipeline: Option<&PipelineKey>,
        object: &K,
    ) -> BTreeSet<PipelineKey> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let has = |key: &PipelineKey| self.all.get(key).is_some_and(|own| own.contains_key(&name));
        let labelled = pipeline_of(object).filter(has);
        if labelled.is_some() && labelled.as_ref() == pipeline {
            return BTreeSet::new();
        }
        let hash = self.hashes.hash_one((&namespace, &name));
        let is_known = || self.names.contains(&hash);
        let search = || self.all.keys().find(|key| key.namespace == namespace && has(key)).cloned();
        let former = labelled.or_else(|| is_known().then(search).flatten());
        if let Some(former) = &former
            && let Some(own) = self.all.get_mut(former)
        {
            own.remove(&name);
            if own.is_empty() {
                self.all.remove(former);
            }
            self.names.remove(&hash);
        }
        former.into_iter().collect()
    }
}

/// The pipeline that an object's label names.
pub(crate) fn pipeline_of<K: Resource>(object: &K) -> Option<PipelineKey> {
    let name = object.labels().get(PIPELINE)?.clone();
    Some(PipelineKey { namespace: object.namespace()?, name })
}
