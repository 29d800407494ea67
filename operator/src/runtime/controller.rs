//! The controller: starts the watches and the scraper of each namespace, and reconciles what the workqueue returns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Reporter;
use kube::runtime::reflector::{self, ObjectRef};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use userstream_crds::names::FIELD_MANAGER;

use super::context::Context;
use super::events::EventRecorder;
use super::lease::LeaderGuard;
use super::queue::trigger::Triggers;
use super::queue::workqueue::WorkQueue;
use super::reconcile_state::ReconcileStates;
use super::runner;
use super::scrape::status_scraper::StatusScraper;
use super::sync::lock;
use super::watch::stored_pipeline::StoredPipeline;
use super::watch::watches::{Stores, Watches};
use super::{Health, Metrics};
use crate::model::pipeline_key::PipelineKey;
use crate::model::settings::Settings;
use crate::plan::reservations::Reservations;
use crate::status::throttle::RateLimiter;

/// How many pipelines are reconciled concurrently, for each watched namespace, or for all namespaces together.
const CONCURRENCY: usize = 16;
/// How long the first scrape of all workers may take. Workers that have not answered by then are scraped again.
const FIRST_SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the controller runs with.
#[derive(Clone)]
pub struct Controller {
    /// The client of the API server.
    pub client: Client,
    /// The client of the workers' status ports, see [`worker_client`].
    pub workers: reqwest::Client,
    /// The settings of the installation.
    pub settings: Settings,
    /// The watched namespaces; empty: all.
    pub namespaces: Vec<String>,
    /// The name of this replica, for Events.
    pub instance: String,
    /// Whether this replica may act.
    pub leader: LeaderGuard,
    /// What is missing.
    pub health: Arc<Health>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// The client of the workers: plain HTTP within the cluster, without redirects and proxies.
///
/// # Errors
/// When it cannot be created.
pub fn worker_client() -> Result<reqwest::Client, reqwest::Error> {
    let direct = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    // A worker is scraped twice a minute: an idle connection to each would only take memory.
    let direct = direct.pool_max_idle_per_host(0);
    // Plain HTTP needs no certificate authority, and an image without certificates has none.
    direct.tls_certs_only(std::iter::empty()).build()
}

/// What the namespaces share.
#[derive(Clone)]
struct Shared {
    reservations: Arc<Mutex<Reservations>>,
    queue: Arc<WorkQueue>,
    limiter: Arc<Mutex<RateLimiter>>,
}

/// A watched namespace, or all of them.
struct Watched {
    context: Arc<Context>,
    scraper: StatusScraper,
}

impl Controller {
    /// Reconciles until the future is dropped.
    pub async fn run(self) {
        let namespaces: Vec<Option<String>> = match self.namespaces.as_slice() {
            [] => vec![None],
            names => names.iter().cloned().map(Some).collect(),
        };
        let concurrency = CONCURRENCY * namespaces.len();
        self.metrics.max_concurrent(concurrency);
        let queue = Arc::new(WorkQueue::new(self.metrics.clone()));
        let shared = Shared { reservations: Arc::default(), queue: queue.clone(), limiter: Arc::default() };
        let synced = namespaces.into_iter().map(|namespace| self.clone().sync(namespace, shared.clone()));
        // No pipeline is reconciled before the claims of all namespaces are declared.
        let watched = join_all(synced).await;
        // Without the first reports the first reconciles would report every worker as unavailable.
        let first_scrapes = watched.iter().map(|it| it.scraper.scrape_due());
        let _ = tokio::time::timeout(FIRST_SCRAPE_TIMEOUT, join_all(first_scrapes)).await;
        let contexts = watched.into_iter().map(|Watched { context, scraper }| {
            let scraped = context.clone();
            let remove_terminated = move || {
                let reservations = &mut lock(&scraped.reservations);
                scraped.claim_sources().remove_terminated(reservations, Timestamp::now())
            };
            tokio::spawn(scraper.run(remove_terminated));
            context
        });
        process(&queue, contexts.collect(), concurrency).await;
    }

    /// Starts the watches of a namespace, and waits until its stores have synced and its claims are declared.
    async fn sync(self, namespace: Option<String>, shared: Shared) -> Watched {
        let (pipelines, writer) = reflector::store();
        let context = self.context(namespace.clone(), pipelines.clone(), shared.clone());
        let watches =
            Watches { client: self.client, namespace, health: self.health, queue: shared.queue.clone() };
        watches.start(&context.stores, &context.settings);
        let applied = {
            let context = context.clone();
            move |pipeline: &StoredPipeline| {
                context.claim_sources().declare(&mut lock(&context.reservations), pipeline)
            }
        };
        let deleted = {
            let context = context.clone();
            move |uid: &str| {
                context.states.remove(uid);
                context.metrics.pipelines.remove(uid);
                let reservations = &mut lock(&context.reservations);
                context.claim_sources().deleted(reservations, uid, Timestamp::now())
            }
        };
        watches.start_pipelines(writer, applied, deleted);
        watches.synced().await;
        declare_all(&context);
        let scraper = StatusScraper {
            client: self.workers,
            pipelines,
            pods: context.stores.pods.clone(),
            states: context.scrapes.clone(),
            queue: shared.queue,
        };
        Watched { context, scraper }
    }

    fn context(
        &self,
        namespace: Option<String>,
        pipelines: reflector::Store<StoredPipeline>,
        shared: Shared,
    ) -> Arc<Context> {
        let reporter =
            Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(self.instance.clone()) };
        Arc::new(Context {
            client: self.client.clone(),
            namespace,
            settings: self.settings.clone(),
            stores: Stores::default(),
            pipelines,
            reservations: shared.reservations,
            queue: shared.queue,
            scrapes: Arc::default(),
            limiter: shared.limiter,
            states: ReconcileStates::default(),
            events: EventRecorder::new(self.client.clone(), reporter),
            metrics: self.metrics.clone(),
            leader: self.leader.clone(),
        })
    }
}

/// Locked as a whole, so that no event is overwritten by the older state of the store.
fn declare_all(context: &Context) {
    let reservations = &mut lock(&context.reservations);
    let pipelines = context.pipelines.state();
    context.claim_sources().declare_all(reservations, pipelines.iter().map(AsRef::as_ref));
}

/// Reconciles what the workqueue returns, so many pipelines concurrently. Dropping it cancels the reconciles.
async fn process(queue: &Arc<WorkQueue>, contexts: Vec<Arc<Context>>, concurrency: usize) {
    let contexts: Arc<[Arc<Context>]> = contexts.into();
    let slots = Arc::new(Semaphore::new(concurrency));
    let mut reconciles = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let (pipeline, triggers) = queue.get().await;
        let (queue, contexts) = (queue.clone(), contexts.clone());
        reconciles.spawn(async move {
            let requeue = process_one(&pipeline, &triggers, &contexts).await;
            queue.done(&pipeline);
            if let Some(delay) = requeue {
                queue.requeue_after(pipeline, delay);
            }
            drop(slot);
        });
        while reconciles.try_join_next().is_some() {}
    }
}

async fn process_one(
    pipeline: &PipelineKey,
    triggers: &Triggers,
    contexts: &[Arc<Context>],
) -> Option<Duration> {
    let is_own = |it: &&Arc<Context>| it.namespace.as_ref().is_none_or(|own| *own == pipeline.namespace);
    let context = contexts.iter().find(is_own)?;
    let reference = ObjectRef::<StoredPipeline>::new(&pipeline.name).within(&pipeline.namespace);
    // A pipeline that is deleted meanwhile is not in the store any more.
    let stored = context.pipelines.get(&reference)?;
    runner::run(stored, triggers, context.clone()).await
}

#[cfg(test)]
mod tests;
