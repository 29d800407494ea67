//! The stores: what a watch has shown of one kind, by pipeline. Finding a pipeline's objects takes no longer the more
//! pipelines there are.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::runtime::watcher::Event;
use tokio::sync::Notify;

use super::endpoint::{Endpoint, Target};
use super::indexer::{IndexedObject, Indexer, Stored, pipeline_of};
use crate::model::pipeline_key::PipelineKey;
use crate::runtime::sync::lock;

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Store<K> {
    indexer: RwLock<Indexer>,
    /// The workers that have become ready and are not taken yet.
    ready: Mutex<Vec<Target>>,
    becomes_ready: Notify,
    kind: PhantomData<fn() -> K>,
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self {
            indexer: RwLock::default(),
            ready: Mutex::default(),
            becomes_ready: Notify::new(),
            kind: PhantomData,
        }
    }
}

impl<K: Stored> Store<K> {
    /// The objects with the label of a pipeline, by name.
    pub(crate) fn of(&self, pipeline: &PipelineKey) -> Vec<Arc<K>> {
        let indexer = self.read();
        let own = indexer.of(pipeline).into_iter().flat_map(|own| own.values());
        // What was serialized from this type is of this type.
        let mut all: Vec<Arc<K>> = own.filter_map(|it| it.object.read()).map(Arc::new).collect();
        all.sort_by(|a, b| a.meta().name.cmp(&b.meta().name));
        all
    }

    /// The workers that a filter selects by pipeline, pod and endpoint.
    pub(crate) fn targets(&self, filter: impl Fn(&PipelineKey, &str, Endpoint) -> bool) -> Vec<Target> {
        let target = |(pipeline, pod, it): (&PipelineKey, &String, &IndexedObject)| {
            let endpoint = it.endpoint.filter(|endpoint| filter(pipeline, pod, *endpoint))?;
            Some(Target { pipeline: pipeline.clone(), pod: pod.clone(), endpoint })
        };
        self.read().iter().filter_map(target).collect()
    }

    /// Whether this pod runs a worker to scrape.
    pub(crate) fn has_target(&self, pipeline: &PipelineKey, pod: &str) -> bool {
        let indexer = self.read();
        indexer.of(pipeline).and_then(|own| own.get(pod)).is_some_and(|it| it.endpoint.is_some())
    }

    /// Waits until a worker has become ready since the last call.
    pub(crate) async fn worker_becomes_ready(&self) {
        self.becomes_ready.notified().await;
    }

    /// The workers that have become ready since the last call.
    pub(crate) fn take_ready(&self) -> Vec<Target> {
        std::mem::take(&mut *lock(&self.ready))
    }

    /// Ignores poisoning, as [`lock`] does.
    fn read(&self) -> RwLockReadGuard<'_, Indexer> {
        self.indexer.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Indexer> {
        self.indexer.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Applies the events of one watch to a store.
#[derive(Debug)]
pub(crate) struct StoreWriter<K> {
    store: Arc<Store<K>>,
    /// The objects of a list that is being read. They replace the store when the list is complete.
    listed: Indexer,
}

impl<K: Stored> StoreWriter<K> {
    pub(crate) fn new(store: Arc<Store<K>>) -> Self {
        Self { store, listed: Indexer::default() }
    }

    /// Applies an event, and returns the pipelines that it affects.
    pub(crate) fn apply(&mut self, event: Event<K>) -> BTreeSet<PipelineKey> {
        match event {
            Event::Init => {
                self.listed = Indexer::default();
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                if let Some(pipeline) = pipeline_of(&object) {
                    // The scrape that follows a list covers all workers.
                    let _ = self.listed.insert(pipeline, object);
                }
                BTreeSet::new()
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let mut affected: BTreeSet<PipelineKey> = listed.pipelines().cloned().collect();
                let before = std::mem::replace(&mut *self.store.write(), listed);
                affected.extend(before.pipelines().cloned());
                affected
            }
            Event::Apply(object) => self.apply_object(object),
            Event::Delete(object) => {
                let mut affected = self.store.write().remove_unless_of(None, &object);
                affected.extend(pipeline_of(&object));
                affected
            }
        }
    }

    fn apply_object(&self, object: K) -> BTreeSet<PipelineKey> {
        let pipeline = pipeline_of(&object);
        let mut indexer = self.store.write();
        let mut affected = indexer.remove_unless_of(pipeline.as_ref(), &object);
        if let Some(pipeline) = pipeline {
            if let Some(target) = indexer.insert(pipeline.clone(), object) {
                lock(&self.store.ready).push(target);
                self.store.becomes_ready.notify_one();
            }
            affected.insert(pipeline);
        }
        affected
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

    fn names(store: &Store<ConfigMap>, pipeline: &str) -> Vec<String> {
        store.of(&key(pipeline)).iter().map(|object| object.name_any()).collect()
    }

    #[test]
    fn objects_are_found_by_their_pipeline() {
        let store = Arc::new(Store::default());
        let mut writer = StoreWriter::new(store.clone());
        assert_eq!(writer.apply(Event::Apply(config_map("a", "users"))), [key("users")].into());
        writer.apply(Event::Apply(config_map("b", "users")));
        writer.apply(Event::Apply(config_map("c", "orders")));
        assert_eq!(names(&store, "users"), ["a", "b"]);
        assert_eq!(writer.apply(Event::Delete(config_map("a", "users"))), [key("users")].into());
        assert_eq!(names(&store, "users"), ["b"]);
        assert_eq!(names(&store, "orders"), ["c"]);
    }

    #[test]
    fn complete_list_replaces_the_store() {
        let store = Arc::new(Store::default());
        let mut writer = StoreWriter::new(store.clone());
        writer.apply(Event::Apply(config_map("gone", "users")));
        writer.apply(Event::Init);
        writer.apply(Event::InitApply(config_map("new", "orders")));
        assert_eq!(names(&store, "users"), ["gone"], "the list is not complete yet");
        assert_eq!(
            writer.apply(Event::InitDone),
            [key("orders"), key("users")].into(),
            "one that has lost an object is affected too"
        );
        assert_eq!((names(&store, "users"), names(&store, "orders")), (vec![], vec!["new".to_owned()]));
    }

    #[test]
    fn relabelled_object_moves_to_the_other_pipeline() {
        let store = Arc::new(Store::default());
        let mut writer = StoreWriter::new(store.clone());
        writer.apply(Event::Apply(config_map("a", "users")));
        writer.apply(Event::Apply(config_map("b", "users")));
        let affected = writer.apply(Event::Apply(config_map("a", "orders")));
        assert_eq!(affected, [key("orders"), key("users")].into());
        assert_eq!((names(&store, "users"), names(&store, "orders")), (vec!["b".into()], vec!["a".into()]));
        let mut unlabelled = config_map("a", "orders");
        unlabelled.metadata.labels = None;
        assert_eq!(writer.apply(Event::Apply(unlabelled)), [key("orders")].into());
        assert_eq!(names(&store, "orders"), [""; 0]);
        let mut elsewhere = config_map("b", "users");
        elsewhere.metadata.namespace = Some("elsewhere".to_owned());
        writer.apply(Event::Apply(elsewhere));
        assert_eq!(
            names(&store, "users"),
            ["b"],
            "an object of the same name in another namespace is another one"
        );
        let affected = writer.apply(Event::Delete(config_map("b", "orders")));
        assert_eq!(
            affected,
            [key("orders"), key("users")].into(),
            "it is deleted with a label that no event has shown"
        );
        assert_eq!(names(&store, "users"), [""; 0]);
    }

    #[test]
    fn object_without_the_label_affects_no_pipeline() {
        let mut writer = StoreWriter::new(Arc::new(Store::default()));
        let mut object = config_map("a", "users");
        object.metadata.labels = None;
        assert!(writer.apply(Event::Apply(object)).is_empty());
    }

    #[test]
    fn worker_is_reported_once_when_it_becomes_ready() {
        let store = Arc::new(Store::<Pod>::default());
        let mut writer = StoreWriter::new(store.clone());
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
        let has_become_ready = || {
            let is_reported = store.worker_becomes_ready().now_or_never().is_some();
            assert_eq!(store.take_ready().len(), usize::from(is_reported));
            is_reported
        };
        let all = || store.targets(|_, _, _| true).len();
        for (is_ready, is_reported) in
            [(false, false), (true, true), (true, false), (false, false), (true, true)]
        {
            writer.apply(Event::Apply(pod(is_ready)));
            assert_eq!((all(), store.has_target(&key("users"), "users-processor-1")), (1, true));
            assert_eq!(has_become_ready(), is_reported, "ready: {is_ready}");
        }
        writer.apply(Event::Delete(pod(true)));
        assert_eq!((all(), has_become_ready()), (0, false));
        assert!(!store.has_target(&key("users"), "users-processor-1"));
    }
}
