//! What a watch has seen of one kind, by the pipeline that it belongs to: finding a pipeline's objects does not take longer
//! the more pipelines there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use std::sync::RwLock;

use crate::names::PIPELINE;

/// A pipeline by its namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PipelineKey {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
}

type Objects<K> = HashMap<PipelineKey, HashMap<String, Arc<K>>>;

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Cache<K> {
    objects: RwLock<Objects<K>>,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self { objects: RwLock::default() }
    }
}

impl<K: Resource> Cache<K> {
    /// The objects that belong to a pipeline through their label.
    pub(super) fn of(&self, pipeline: &PipelineKey) -> Vec<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all: Vec<Arc<K>> =
            objects.get(pipeline).into_iter().flat_map(|own| own.values().cloned()).collect();
        all.sort_by(|a, b| a.meta().name.cmp(&b.meta().name));
        all
    }

    /// All objects.
    pub(super) fn all(&self) -> Vec<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        objects.values().flat_map(|own| own.values().cloned()).collect()
    }
}

/// Applies the events of one watch to a cache, and tells which pipelines they concern.
#[derive(Debug)]
pub(super) struct Feed<K> {
    cache: Arc<Cache<K>>,
    /// What a list that is being read has shown so far; it becomes the cache when it is complete.
    listed: Objects<K>,
}

impl<K: Resource + Clone> Feed<K> {
    pub(super) fn new(cache: Arc<Cache<K>>) -> Self {
        Self { cache, listed: HashMap::new() }
    }

    pub(super) fn take(&mut self, event: Event<K>) -> BTreeSet<PipelineKey> {
        match event {
            Event::Init => {
                self.listed.clear();
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                if let Some(pipeline) = pipeline_of(&object) {
                    insert(&mut self.listed, pipeline, object);
                }
                BTreeSet::new()
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let concerned: BTreeSet<PipelineKey> = listed.keys().cloned().collect();
                let mut objects = self.write();
                let before = std::mem::replace(&mut *objects, listed);
                concerned.into_iter().chain(before.into_keys()).collect()
            }
            Event::Apply(object) => self.change(object, insert),
            Event::Delete(object) => self.change(object, |objects, pipeline, object| {
                if let Some(own) = objects.get_mut(&pipeline) {
                    own.remove(&object.name_any());
                    if own.is_empty() {
                        objects.remove(&pipeline);
                    }
                }
            }),
        }
    }

    fn change(
        &self,
        object: K,
        change: impl FnOnce(&mut Objects<K>, PipelineKey, K),
    ) -> BTreeSet<PipelineKey> {
        let pipeline = pipeline_of(&object);
        if let Some(pipeline) = pipeline.clone() {
            change(&mut self.write(), pipeline, object);
        }
        pipeline.into_iter().collect()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Objects<K>> {
        self.cache.objects.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn insert<K: Resource>(objects: &mut Objects<K>, pipeline: PipelineKey, object: K) {
    let name = object.name_any();
    objects.entry(pipeline).or_default().insert(name, Arc::new(object));
}

fn pipeline_of<K: Resource>(object: &K) -> Option<PipelineKey> {
    let name = object.labels().get(PIPELINE)?.clone();
    Some(PipelineKey { namespace: object.namespace()?, name })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;

    use super::*;

    fn config_map(name: &str, pipeline: &str) -> ConfigMap {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("demo".to_owned()),
            labels: Some([(PIPELINE.to_owned(), pipeline.to_owned())].into()),
            ..ObjectMeta::default()
        };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    fn key(name: &str) -> PipelineKey {
        PipelineKey { namespace: "demo".to_owned(), name: name.to_owned() }
    }

    fn names(cache: &Cache<ConfigMap>, pipeline: &str) -> Vec<String> {
        cache.of(&key(pipeline)).iter().map(|object| object.name_any()).collect()
    }

    #[test]
    fn objects_are_found_by_their_pipeline_and_events_tell_whom_they_concern() {
        let cache = Arc::new(Cache::default());
        let mut feed = Feed::new(cache.clone());
        assert_eq!(feed.take(Event::Apply(config_map("a", "users"))), [key("users")].into());
        feed.take(Event::Apply(config_map("b", "users")));
        feed.take(Event::Apply(config_map("c", "orders")));
        assert_eq!(names(&cache, "users"), ["a", "b"]);
        assert_eq!(feed.take(Event::Delete(config_map("a", "users"))), [key("users")].into());
        assert_eq!(names(&cache, "users"), ["b"]);
        assert_eq!(cache.all().len(), 2);
    }

    #[test]
    fn a_new_list_takes_the_place_of_what_was_known_when_it_is_complete() {
        let cache = Arc::new(Cache::default());
        let mut feed = Feed::new(cache.clone());
        feed.take(Event::Apply(config_map("gone", "users")));
        feed.take(Event::Init);
        feed.take(Event::InitApply(config_map("new", "orders")));
        assert_eq!(names(&cache, "users"), ["gone"], "not complete yet");
        assert_eq!(
            feed.take(Event::InitDone),
            [key("orders"), key("users")].into(),
            "whoever lost something is concerned"
        );
        assert_eq!((names(&cache, "users"), names(&cache, "orders")), (vec![], vec!["new".to_owned()]));
    }

    #[test]
    fn an_object_without_our_label_is_nobodys() {
        let mut feed = Feed::new(Arc::new(Cache::default()));
        let mut object = config_map("a", "users");
        object.metadata.labels = None;
        assert!(feed.take(Event::Apply(object)).is_empty());
    }
}
