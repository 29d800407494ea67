//! The objects of one kind, by the pipeline that their label names.

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

use crate::model::pipeline_key::PipelineKey;
use crate::runtime::scrape::scrape_state::{Target, Worker};
use crate::runtime::watch::compressed::Compressed;
use crate::runtime::watch::transform::StoreTransform;

/// What a cache can keep.
pub(crate) trait Cached: StoreTransform + Serialize + DeserializeOwned {
    /// How to ask the worker, of a pod in which one works and stays.
    fn worker(&self) -> Option<Worker> {
        None
    }
}

impl Cached for ConfigMap {}
impl Cached for CronJob {}
impl Cached for Deployment {}
impl Cached for DynamicObject {}
impl Cached for Job {}
impl Cached for NetworkPolicy {}
impl Cached for PodDisruptionBudget {}

impl Cached for Pod {
    fn worker(&self) -> Option<Worker> {
        crate::runtime::scrape::scrape_state::worker(self)
    }
}

/// What is kept of an object.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) object: Compressed,
    pub(crate) worker: Option<Worker>,
}

/// The objects of one kind.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// By pipeline, and by their name.
    all: HashMap<PipelineKey, HashMap<String, Kept>>,
    /// A hash for each of their names: most objects that are not known as those of their pipeline are new, and not looked for with
    /// all others. Two of one hash have one looked for that is new.
    names: HashSet<u64>,
    hashes: RandomState,
}

impl Objects {
    /// Those of a pipeline, by their name.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Option<&HashMap<String, Kept>> {
        self.all.get(pipeline)
    }

    /// Each of them, its pipeline and its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PipelineKey, &String, &Kept)> {
        self.all.iter().flat_map(|(pipeline, own)| own.iter().map(move |(name, kept)| (pipeline, name, kept)))
    }

    /// The pipelines that have any.
    pub(crate) fn pipelines(&self) -> impl Iterator<Item = &PipelineKey> {
        self.all.keys()
    }

    /// Keeps an object, and gives the worker that has become ready with it.
    pub(crate) fn insert<K: Cached>(&mut self, pipeline: PipelineKey, mut object: K) -> Option<Target> {
        let (pod, worker) = (object.name_any(), object.worker());
        object.slim();
        let kept = Kept { object: Compressed::of(&object), worker };
        self.names.insert(self.hashes.hash_one((&pipeline.namespace, &pod)));
        let before = self.all.entry(pipeline.clone()).or_default().insert(pod.clone(), kept);
        let was_ready = before.and_then(|before| before.worker).is_some_and(|worker| worker.is_ready);
        let worker = worker.filter(|worker| worker.is_ready && !was_ready)?;
        Some(Target { pipeline, pod, worker })
    }

    /// Drops an object that is known as that of another pipeline than this, and tells of which: somebody may have changed its
    /// label.
    pub(crate) fn drop_unless_of<K: Resource>(
        &mut self,
        pipeline: Option<&PipelineKey>,
        object: &K,
    ) -> BTreeSet<PipelineKey> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let knows = |key: &PipelineKey| self.all.get(key).is_some_and(|own| own.contains_key(&name));
        let labelled = pipeline_of(object).filter(knows);
        if labelled.is_some() && labelled.as_ref() == pipeline {
            return BTreeSet::new();
        }
        let hash = self.hashes.hash_one((&namespace, &name));
        let is_known = || self.names.contains(&hash);
        let another = || self.all.keys().find(|key| key.namespace == namespace && knows(key)).cloned();
        let former = labelled.or_else(|| is_known().then(another).flatten());
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
