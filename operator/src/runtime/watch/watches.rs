//! One namespace, or all of them: the watches, their caches, and the queue of pipelines to look at.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Client, Resource, ResourceExt};

use crate::diff::expectations::ObjectKey;
use crate::model::kind::{self, Kind};
use crate::model::names::MANAGED_BY;
use crate::model::pipeline_key::PipelineKey;
use crate::model::settings::Settings;
use crate::runtime::health::Health;
use crate::runtime::queue::workqueue::{Queues, Trigger};
use crate::runtime::watch::indexer::Cached;
use crate::runtime::watch::store::{Cache, StoreWriter};
use crate::runtime::watch::stored_pipeline::StoredPipeline;

/// The kind that everything is about, in the plural.
pub(crate) const PIPELINES: &str = "userstreampipelines";

/// How many objects a page of a list has. All kinds are listed at once, and a page is decoded as a whole: at the start that is
/// most of what the operator needs memory for beyond its caches.
const PAGE: u32 = 50;

/// The caches of a scope.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    pub(crate) config_maps: Arc<Cache<ConfigMap>>,
    pub(crate) jobs: Arc<Cache<Job>>,
    pub(crate) cron_jobs: Arc<Cache<CronJob>>,
    pub(crate) deployments: Arc<Cache<Deployment>>,
    pub(crate) pod_disruption_budgets: Arc<Cache<PodDisruptionBudget>>,
    pub(crate) network_policies: Arc<Cache<NetworkPolicy>>,
    pub(crate) pod_monitors: Arc<Cache<DynamicObject>>,
    pub(crate) kafka_topics: Arc<Cache<DynamicObject>>,
    pub(crate) pods: Arc<Cache<Pod>>,
}

/// What every watch of a scope needs.
#[derive(Clone)]
pub(crate) struct Watches {
    pub(crate) client: Client,
    /// None: all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) health: Arc<Health>,
    /// The queues of pipelines to look at, of all scopes.
    pub(crate) queues: Arc<Queues>,
}

impl Watches {
    fn part(&self, plural: &str) -> String {
        match &self.namespace {
            None => format!("watch of {plural}"),
            Some(namespace) => format!("watch of {plural} in {namespace}"),
        }
    }

    /// Keeps a cache up to date, for ever: of a kind that the operator writes, or of pods.
    async fn keep<K>(self, cache: Arc<Cache<K>>, api: Api<K>, plural: String, kind: Option<Kind>)
    where
        K: Cached + Clone + Debug + Send + 'static,
    {
        let part = self.part(&plural);
        let ours = config().labels(&format!("app.kubernetes.io/managed-by={MANAGED_BY}"));
        let mut events = watcher(api, ours).default_backoff().boxed();
        let mut feed = StoreWriter::new(cache);
        while let Some(event) = events.next().await {
            self.health.heard(&part, &event);
            match event {
                Ok(event) => {
                    let written = |object: &K| kind.map(|kind| ObjectKey::Object(kind, object.name_any()));
                    let cause = cause(&event, written);
                    let is_unhurried = kind.is_none() && matches!(event, Event::Apply(_));
                    for pipeline in feed.take(event) {
                        if is_unhurried {
                            self.queues.send_unhurried(pipeline);
                        } else {
                            self.queues.send(pipeline, cause.clone()).await;
                        }
                    }
                }
                Err(error) => tracing::warn!(kind = plural, %error, "the watch was interrupted"),
            }
        }
    }

    /// Noted before the watch's task runs, so that nobody takes a cache for complete that was not begun.
    pub(crate) fn begin(&self, plural: &str) {
        self.health.missing(&self.part(plural), "not read yet");
    }

    fn keep_typed<K>(&self, cache: &Arc<Cache<K>>, kind: Option<Kind>)
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Cached
            + Clone
            + Debug
            + Send
            + Sync
            + 'static,
    {
        let api = match &self.namespace {
            None => Api::all(self.client.clone()),
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
        };
        let plural = K::plural(&()).into_owned();
        self.begin(&plural);
        tokio::spawn(self.clone().keep(cache.clone(), api, plural, kind));
    }

    fn keep_dynamic(&self, cache: &Arc<Cache<DynamicObject>>, resource: &ApiResource, kind: Kind) {
        let api = match &self.namespace {
            None => Api::all_with(self.client.clone(), resource),
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
        };
        self.begin(&resource.plural);
        tokio::spawn(self.clone().keep(cache.clone(), api, resource.plural.clone(), Some(kind)));
    }

    /// Keeps all caches up to date, in tasks of their own.
    pub(crate) fn keep_all(&self, caches: &Stores, settings: &Settings) {
        self.keep_typed(&caches.config_maps, Some(Kind::ConfigMap));
        self.keep_typed(&caches.jobs, Some(Kind::Job));
        self.keep_typed(&caches.cron_jobs, Some(Kind::CronJob));
        self.keep_typed(&caches.deployments, Some(Kind::Deployment));
        self.keep_typed(&caches.pod_disruption_budgets, Some(Kind::PodDisruptionBudget));
        if settings.network_policies {
            self.keep_typed(&caches.network_policies, Some(Kind::NetworkPolicy));
        }
        // No pod is written by the operator; what owns it tells next how it is.
        self.keep_typed(&caches.pods, None);
        if settings.kinds.pod_monitor {
            self.keep_dynamic(&caches.pod_monitors, &kind::pod_monitor(), Kind::PodMonitor);
        }
        if let Some(version) = settings.kinds.kafka_topic {
            self.keep_dynamic(&caches.kafka_topics, &kind::kafka_topic(version), Kind::KafkaTopic);
        }
    }

    /// Waits until every cache has been read once. Whoever decides before that takes what is there for missing.
    pub(crate) async fn wait_until_read(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !self.health.has_had_all("watch of ") {
            ticks.tick().await;
        }
    }

    /// The watch of the pipelines themselves. `seen` is told of every one that is there, `gone` of the UID of every one that
    /// is no more; both tell whom else that concerns.
    pub(crate) async fn keep_pipelines(
        self,
        writer: reflector::store::Writer<StoredPipeline>,
        seen: impl Fn(&StoredPipeline) -> BTreeSet<PipelineKey> + Send + 'static,
        gone: impl Fn(&str) -> BTreeSet<PipelineKey> + Send + 'static,
    ) {
        let api: Api<StoredPipeline> = match &self.namespace {
            None => Api::all(self.client.clone()),
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
        };
        let part = self.part(PIPELINES);
        let mut listed = BTreeSet::new();
        let (mut found, mut beginners) = (Vec::new(), Vec::new());
        let mut known = BTreeSet::new();
        let mut events = watcher(api, config()).default_backoff().reflect(writer).boxed();
        while let Some(event) = events.next().await {
            self.health.heard(&part, &event);
            let (mut concerned, mut begin) = (Vec::new(), Vec::new());
            let itself = event.as_ref().ok().map(|event| cause(event, |_| Some(ObjectKey::Pipeline)));
            match event {
                Ok(Event::Init) => {
                    listed.clear();
                    found.clear();
                    beginners.clear();
                }
                Ok(Event::InitApply(pipeline)) => {
                    listed.insert(pipeline.uid().unwrap_or_default());
                    found.extend(seen(&pipeline));
                    (if pipeline.is_told() { &mut found } else { &mut beginners }).push(key_of(&pipeline));
                }
                Ok(Event::InitDone) => {
                    // Only now is any queued: a full queue is emptied when every list has been read, and not before.
                    concerned.append(&mut found);
                    begin.append(&mut beginners);
                    let lost: Vec<String> = known.difference(&listed).cloned().collect();
                    concerned.extend(lost.iter().flat_map(|uid| gone(uid)));
                    known = std::mem::take(&mut listed);
                }
                Ok(Event::Apply(pipeline)) => {
                    known.insert(pipeline.uid().unwrap_or_default());
                    concerned.extend(seen(&pipeline));
                    let cause = itself.unwrap_or(Trigger::Changed);
                    if pipeline.is_told() {
                        self.queues.send(key_of(&pipeline), cause).await;
                    } else {
                        self.queues.send_patient(key_of(&pipeline), cause).await;
                    }
                }
                Ok(Event::Delete(pipeline)) => {
                    let uid = pipeline.uid().unwrap_or_default();
                    known.remove(&uid);
                    concerned.extend(gone(&uid));
                }
                Err(error) => tracing::warn!(kind = PIPELINES, %error, "the watch was interrupted"),
            }
            for pipeline in concerned {
                self.queues.send(pipeline, Trigger::Changed).await;
            }
            for pipeline in begin {
                self.queues.send_patient(pipeline, Trigger::Changed).await;
            }
        }
    }
}

/// Why an event has the pipelines looked at that it concerns: because something, which the operator may have `written` itself, has
/// another version now, or for any other reason.
fn cause<K: Resource>(event: &Event<K>, written: impl Fn(&K) -> Option<ObjectKey>) -> Trigger {
    let Event::Apply(object) = event else { return Trigger::Changed };
    let shown = written(object).zip(object.resource_version());
    shown.map_or(Trigger::Changed, |(what, version)| Trigger::Observed(what, version))
}

/// How everything is watched.
fn config() -> Config {
    Config::default().page_size(PAGE)
}

pub(crate) fn key_of(pipeline: &StoredPipeline) -> PipelineKey {
    PipelineKey { namespace: pipeline.namespace().unwrap_or_default(), name: pipeline.name_any() }
}

/// The queue as the runner takes it.
pub(crate) fn requests(
    queue: tokio::sync::mpsc::Receiver<PipelineKey>,
) -> impl Stream<Item = Result<ObjectRef<StoredPipeline>, std::convert::Infallible>> {
    futures::stream::unfold(queue, |mut queue| async move {
        let key = queue.recv().await?;
        let reference = ObjectRef::<StoredPipeline>::new_with(&key.name, ()).within(&key.namespace);
        Some((Ok(reference), queue))
    })
}
