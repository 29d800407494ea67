//! What a watch has seen of one kind, by the pipeline that it belongs to: finding a pipeline's objects does not take longer
//! the more pipelines there are.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};

use kube::runtime::watcher::Event;
use tokio::sync::Notify;

use crate::model::pipeline_key::PipelineKey;
use crate::runtime::reconcile_state::lock;
use crate::runtime::scrape::scrape_state::{Target, Worker};
use crate::runtime::watch::indexer::{Cached, Kept, Objects, pipeline_of};

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Cache<K> {
    objects: RwLock<Objects>,
    /// The workers that have become ready and were not taken yet.
    came_up: Mutex<Vec<Target>>,
    comes_up: Notify,
    kind: PhantomData<fn() -> K>,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            objects: RwLock::default(),
            came_up: Mutex::default(),
            comes_up: Notify::new(),
            kind: PhantomData,
        }
    }
}

impl<K: Cached> Cache<K> {
    /// The objects that belong to a pipeline through their label.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Vec<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let kept = objects.of(pipeline).into_iter().flat_map(|own| own.values());
        // What was packed here can be read.
        let mut all: Vec<Arc<K>> = kept.filter_map(|kept| kept.object.read()).map(Arc::new).collect();
        all.sort_by(|a, b| a.meta().name.cmp(&b.meta().name));
        all
    }

    /// The workers that can be asked how they are and that are wanted, by their pipeline, their pod, and how to ask them.
    pub(crate) fn workers(&self, is_wanted: impl Fn(&PipelineKey, &str, Worker) -> bool) -> Vec<Target> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let askable = |(key, name, pod): (&PipelineKey, &String, &Kept)| {
            let worker = pod.worker.filter(|worker| is_wanted(key, name, *worker))?;
            Some(Target { pipeline: key.clone(), pod: name.clone(), worker })
        };
        objects.iter().filter_map(askable).collect()
    }

    /// Whether there is a worker in this pod that can be asked.
    pub(crate) fn has_worker(&self, pipeline: &PipelineKey, pod: &str) -> bool {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.of(pipeline).and_then(|own| own.get(pod)).is_some_and(|pod| pod.worker.is_some())
    }

    /// Returns when a worker has become ready since the last time that it did.
    pub(crate) async fn worker_comes_up(&self) {
        self.comes_up.notified().await;
    }

    /// The workers that have become ready since the last time.
    pub(crate) fn came_up(&self) -> Vec<Target> {
        std::mem::take(&mut *lock(&self.came_up))
    }
}

/// Applies the events of one watch to a cache, and tells which pipelines they concern.
#[derive(Debug)]
pub(crate) struct StoreWriter<K> {
    cache: Arc<Cache<K>>,
    /// What a list that is being read has shown so far; it becomes the cache when it is complete.
    listed: Objects,
}

impl<K: Cached> StoreWriter<K> {
    pub(crate) fn new(cache: Arc<Cache<K>>) -> Self {
        Self { cache, listed: Objects::default() }
    }

    pub(crate) fn take(&mut self, event: Event<K>) -> BTreeSet<PipelineKey> {
        match event {
            Event::Init => {
                self.listed = Objects::default();
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                if let Some(pipeline) = pipeline_of(&object) {
                    // Who comes up while everything is read is asked with all others.
                    let _ = self.listed.insert(pipeline, object);
                }
                BTreeSet::new()
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let mut concerned: BTreeSet<PipelineKey> = listed.pipelines().cloned().collect();
                let mut objects = self.write();
                let before = std::mem::replace(&mut *objects, listed);
                concerned.extend(before.pipelines().cloned());
                concerned
            }
            Event::Apply(object) => {
                let pipeline = pipeline_of(&object);
                let mut objects = self.write();
                let mut concerned = objects.drop_unless_of(pipeline.as_ref(), &object);
                if let Some(pipeline) = pipeline {
                    if let Some(worker) = objects.insert(pipeline.clone(), object) {
                        lock(&self.cache.came_up).push(worker);
                        self.cache.comes_up.notify_one();
                    }
                    concerned.insert(pipeline);
                }
                concerned
            }
            Event::Delete(object) => {
                let mut concerned = self.write().drop_unless_of(None, &object);
                concerned.extend(pipeline_of(&object));
                concerned
            }
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.cache.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use kube::ResourceExt;
    use kube::api::ObjectMeta;
    use userstream_crds::names::PIPELINE;

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
        let mut feed = StoreWriter::new(cache.clone());
        assert_eq!(feed.take(Event::Apply(config_map("a", "users"))), [key("users")].into());
        feed.take(Event::Apply(config_map("b", "users")));
        feed.take(Event::Apply(config_map("c", "orders")));
        assert_eq!(names(&cache, "users"), ["a", "b"]);
        assert_eq!(feed.take(Event::Delete(config_map("a", "users"))), [key("users")].into());
        assert_eq!(names(&cache, "users"), ["b"]);
        assert_eq!(names(&cache, "orders"), ["c"]);
    }

    #[test]
    fn a_new_list_takes_the_place_of_what_was_known_when_it_is_complete() {
        let cache = Arc::new(Cache::default());
        let mut feed = StoreWriter::new(cache.clone());
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
    fn an_object_whose_label_is_changed_leaves_nothing_with_the_pipeline_that_had_it() {
        let cache = Arc::new(Cache::default());
        let mut feed = StoreWriter::new(cache.clone());
        feed.take(Event::Apply(config_map("a", "users")));
        feed.take(Event::Apply(config_map("b", "users")));
        let concerned = feed.take(Event::Apply(config_map("a", "orders")));
        assert_eq!(concerned, [key("orders"), key("users")].into());
        assert_eq!((names(&cache, "users"), names(&cache, "orders")), (vec!["b".into()], vec!["a".into()]));
        let mut unlabelled = config_map("a", "orders");
        unlabelled.metadata.labels = None;
        assert_eq!(feed.take(Event::Apply(unlabelled)), [key("orders")].into());
        assert_eq!(names(&cache, "orders"), [""; 0]);
        let mut elsewhere = config_map("b", "users");
        elsewhere.metadata.namespace = Some("elsewhere".to_owned());
        feed.take(Event::Apply(elsewhere));
        assert_eq!(names(&cache, "users"), ["b"], "one of the same name in another namespace is another");
        let concerned = feed.take(Event::Delete(config_map("b", "orders")));
        assert_eq!(concerned, [key("orders"), key("users")].into(), "deleted with a label that was not seen");
        assert_eq!(names(&cache, "users"), [""; 0]);
    }

    #[test]
    fn an_object_without_our_label_is_nobodys() {
        let mut feed = StoreWriter::new(Arc::new(Cache::default()));
        let mut object = config_map("a", "users");
        object.metadata.labels = None;
        assert!(feed.take(Event::Apply(object)).is_empty());
    }

    #[test]
    fn that_a_worker_has_become_ready_is_told_once() {
        let cache = Arc::new(Cache::<Pod>::default());
        let mut feed = StoreWriter::new(cache.clone());
        let pod = |is_ready: bool| -> Pod {
            serde_json::from_value(serde_json::json!({
                "metadata": {
                    "name": "users-processor-1", "namespace": "demo",
                    "labels": {PIPELINE: "users", userstream_crds::names::COMPONENT: "processor"},
                },
                "status": {
                    "phase": "Running", "podIP": "10.0.0.1",
                    "containerStatuses": [{
                        "name": "worker", "ready": is_ready, "restartCount": 0, "image": "", "imageID": "",
                    }],
                },
            }))
            .unwrap()
        };
        let has_come_up = || {
            let is_told = cache.worker_comes_up().now_or_never().is_some();
            assert_eq!(cache.came_up().len(), usize::from(is_told));
            is_told
        };
        let all = || cache.workers(|_, _, _| true).len();
        for (is_ready, is_told) in [(false, false), (true, true), (true, false), (false, false), (true, true)]
        {
            feed.take(Event::Apply(pod(is_ready)));
            assert_eq!((all(), cache.has_worker(&key("users"), "users-processor-1")), (1, true));
            assert_eq!(has_come_up(), is_told, "ready: {is_ready}");
        }
        feed.take(Event::Delete(pod(true)));
        assert_eq!((all(), has_come_up()), (0, false));
        assert!(!cache.has_worker(&key("users"), "users-processor-1"));
    }
}
