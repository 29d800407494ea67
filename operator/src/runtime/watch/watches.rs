//! The watches of one namespace, or of all: they keep the stores up to date and add the affected pipelines to the
//! workqueue.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Client, Resource, ResourceExt};

use super::indexer::Stored;
use super::store::{Store, StoreWriter};
use super::stored_pipeline::StoredPipeline;
use crate::diff::expectations::ObjectKey;
use crate::model::kind::{self, Kind, PIPELINES};
use crate::model::names::MANAGED_BY;
use crate::model::pipeline_key::PipelineKey;
use crate::model::settings::Settings;
use crate::runtime::health::Health;
use crate::runtime::queue::trigger::Trigger;
use crate::runtime::queue::workqueue::{Priority, WorkQueue};

/// How many objects a page of a list has. All kinds are listed at once and each page is deserialized as a whole, so at
/// the start the pages take most of the memory beside the stores.
const PAGE_SIZE: u32 = 50;

/// How long an event of a pod waits for those that follow it: of a pod that starts, its own, that of its owner, and the
/// first report of its worker.
const POD_DELAY: Duration = Duration::from_secs(2);

/// The stores of the kinds that a pipeline owns, and of pods.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    pub(crate) config_maps: Arc<Store<ConfigMap>>,
    pub(crate) jobs: Arc<Store<Job>>,
    pub(crate) cron_jobs: Arc<Store<CronJob>>,
    pub(crate) deployments: Arc<Store<Deployment>>,
    pub(crate) pod_disruption_budgets: Arc<Store<PodDisruptionBudget>>,
    pub(crate) network_policies: Arc<Store<NetworkPolicy>>,
    pub(crate) pod_monitors: Arc<Store<DynamicObject>>,
    pub(crate) kafka_topics: Arc<Store<DynamicObject>>,
    pub(crate) pods: Arc<Store<Pod>>,
}

/// The watches of one namespace, or of all.
#[derive(Clone)]
pub(crate) struct Watches {
    pub(crate) client: Client,
    /// `None`: all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) health: Arc<Health>,
    pub(crate) queue: Arc<WorkQueue>,
}

impl Watches {
    /// Starts the watches of all kinds but the pipelines.
    pub(crate) fn start(&self, stores: &Stores, settings: &Settings) {
        self.start_kind(&stores.config_maps, self.api(Api::all, Api::namespaced), Kind::ConfigMap);
        self.start_kind(&stores.jobs, self.api(Api::all, Api::namespaced), Kind::Job);
        self.start_kind(&stores.cron_jobs, self.api(Api::all, Api::namespaced), Kind::CronJob);
        self.start_kind(&stores.deployments, self.api(Api::all, Api::namespaced), Kind::Deployment);
        let budgets = self.api(Api::all, Api::namespaced);
        self.start_kind(&stores.pod_disruption_budgets, budgets, Kind::PodDisruptionBudget);
        if settings.network_policies {
            let policies = self.api(Api::all, Api::namespaced);
            self.start_kind(&stores.network_policies, policies, Kind::NetworkPolicy);
        }
        let pods = self.api::<Pod>(Api::all, Api::namespaced);
        self.start_one(&stores.pods, pods, "pods", None);
        if settings.kinds.pod_monitor {
            let monitors = self.dynamic_api(&kind::pod_monitor());
            self.start_kind(&stores.pod_monitors, monitors, Kind::PodMonitor);
        }
        if let Some(version) = settings.kinds.kafka_topic {
            let topics = self.dynamic_api(&kind::kafka_topic(version));
            self.start_kind(&stores.kafka_topics, topics, Kind::KafkaTopic);
        }
    }

    /// Starts the watch of the pipelines. `applied` is called for each pipeline that exists or changes, `deleted` for
    /// the UID of each that is deleted; both return the other pipelines that this affects.
    pub(crate) fn start_pipelines(
        &self,
        writer: reflector::store::Writer<StoredPipeline>,
        applied: impl Fn(&StoredPipeline) -> BTreeSet<PipelineKey> + Send + 'static,
        deleted: impl Fn(&str) -> BTreeSet<PipelineKey> + Send + 'static,
    ) {
        self.set_unsynced(PIPELINES);
        let api = self.api(Api::all, Api::namespaced);
        tokio::spawn(self.clone().run_pipelines(api, writer, applied, deleted));
    }

    /// Waits until every store contains a complete list. A decision that is made earlier takes existing objects for
    /// missing.
    pub(crate) async fn synced(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !self.health.have_synced("watch of ") {
            ticks.tick().await;
        }
    }

    fn api<K>(&self, all: fn(Client) -> Api<K>, namespaced: fn(Client, &str) -> Api<K>) -> Api<K> {
        match &self.namespace {
            None => all(self.client.clone()),
            Some(namespace) => namespaced(self.client.clone(), namespace),
        }
    }

    fn dynamic_api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        match &self.namespace {
            None => Api::all_with(self.client.clone(), resource),
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
        }
    }

    fn start_kind<K>(&self, store: &Arc<Store<K>>, api: Api<K>, kind: Kind)
    where
        K: Stored + Clone + Debug + Send + 'static,
    {
        self.start_one(store, api, &kind.api(None).plural, Some(kind));
    }

    fn start_one<K>(&self, store: &Arc<Store<K>>, api: Api<K>, plural: &str, kind: Option<Kind>)
    where
        K: Stored + Clone + Debug + Send + 'static,
    {
        self.set_unsynced(plural);
        tokio::spawn(self.clone().run(store.clone(), api, plural.to_owned(), kind));
    }

    /// Before the task of a watch runs, so that no store counts as synced whose watch has yet to start.
    fn set_unsynced(&self, plural: &str) {
        self.health.set_missing(&self.part(plural), "not synced yet");
    }

    fn part(&self, plural: &str) -> String {
        match &self.namespace {
            None => format!("watch of {plural}"),
            Some(namespace) => format!("watch of {plural} in {namespace}"),
        }
    }

    /// Keeps a store up to date. `kind` is `None` for pods, which the operator does not write.
    async fn run<K>(self, store: Arc<Store<K>>, api: Api<K>, plural: String, kind: Option<Kind>)
    where
        K: Stored + Clone + Debug + Send + 'static,
    {
        let part = self.part(&plural);
        let managed = config().labels(&format!("app.kubernetes.io/managed-by={MANAGED_BY}"));
        let mut events = watcher(api, managed).default_backoff().boxed();
        let mut writer = StoreWriter::new(store);
        while let Some(event) = events.next().await {
            self.health.observe_watch(&part, &event);
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    tracing::warn!(kind = plural, %error, "watch interrupted");
                    continue;
                }
            };
            let key = |object: &K| kind.map(|kind| ObjectKey::Owned(kind, object.name_any()));
            let trigger = trigger(&event, key);
            let is_pod_event = kind.is_none() && matches!(event, Event::Apply(_));
            for pipeline in writer.apply(event) {
                if is_pod_event {
                    self.queue.add_after(pipeline, POD_DELAY, trigger.clone());
                } else {
                    self.queue.add(pipeline, Priority::High, trigger.clone());
                }
            }
        }
    }

    async fn run_pipelines(
        self,
        api: Api<StoredPipeline>,
        writer: reflector::store::Writer<StoredPipeline>,
        applied: impl Fn(&StoredPipeline) -> BTreeSet<PipelineKey>,
        deleted: impl Fn(&str) -> BTreeSet<PipelineKey>,
    ) {
        let part = self.part(PIPELINES);
        let mut events = watcher(api, config()).default_backoff().reflect(writer).boxed();
        let (mut list, mut known) = (PipelineList::default(), BTreeSet::new());
        while let Some(event) = events.next().await {
            self.health.observe_watch(&part, &event);
            match event {
                Ok(Event::Init) => list = PipelineList::default(),
                Ok(Event::InitApply(pipeline)) => list.add(&pipeline, applied(&pipeline)),
                // Only now does the store contain the list.
                Ok(Event::InitDone) => {
                    let list = std::mem::take(&mut list);
                    let gone: Vec<String> = known.difference(&list.uids).cloned().collect();
                    self.add_affected(gone.iter().flat_map(|uid| deleted(uid)));
                    self.add_affected(list.affected);
                    for (pipeline, priority) in list.pipelines {
                        self.queue.add(pipeline, priority, Trigger::Changed);
                    }
                    known = list.uids;
                }
                Ok(Event::Apply(pipeline)) => {
                    known.insert(pipeline.uid().unwrap_or_default());
                    let others = applied(&pipeline);
                    let version = pipeline.resource_version();
                    let observed = version.map(|it| Trigger::Observed(ObjectKey::Pipeline, it));
                    let trigger = observed.unwrap_or(Trigger::Changed);
                    self.queue.add(key_of(&pipeline), priority(&pipeline), trigger);
                    self.add_affected(others);
                }
                Ok(Event::Delete(pipeline)) => {
                    let uid = pipeline.uid().unwrap_or_default();
                    known.remove(&uid);
                    self.add_affected(deleted(&uid));
                }
                Err(error) => tracing::warn!(kind = PIPELINES, %error, "watch interrupted"),
            }
        }
    }

    fn add_affected(&self, pipelines: impl IntoIterator<Item = PipelineKey>) {
        for pipeline in pipelines {
            self.queue.add(pipeline, Priority::High, Trigger::Changed);
        }
    }
}

/// The pipelines of a list that is being read.
#[derive(Debug, Default)]
struct PipelineList {
    uids: BTreeSet<String>,
    pipelines: Vec<(PipelineKey, Priority)>,
    /// Other pipelines that those of the list affect.
    affected: BTreeSet<PipelineKey>,
}

impl PipelineList {
    fn add(&mut self, pipeline: &StoredPipeline, affected: BTreeSet<PipelineKey>) {
        self.uids.insert(pipeline.uid().unwrap_or_default());
        self.pipelines.push((key_of(pipeline), priority(pipeline)));
        self.affected.extend(affected);
    }
}

/// A new pipeline has low priority until its first status is written.
const fn priority(pipeline: &StoredPipeline) -> Priority {
    if pipeline.is_observed() { Priority::High } else { Priority::Low }
}

/// The trigger of an event of an object with this key, which the operator may have written itself.
fn trigger<K: Resource>(event: &Event<K>, key: impl Fn(&K) -> Option<ObjectKey>) -> Trigger {
    let Event::Apply(object) = event else { return Trigger::Changed };
    let observed = key(object).zip(object.resource_version());
    observed.map_or(Trigger::Changed, |(key, version)| Trigger::Observed(key, version))
}

fn config() -> Config {
    Config::default().page_size(PAGE_SIZE)
}

pub(crate) fn key_of(pipeline: &StoredPipeline) -> PipelineKey {
    PipelineKey { namespace: pipeline.namespace().unwrap_or_default(), name: pipeline.name_any() }
}
