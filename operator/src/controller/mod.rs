//! The imperative shell: watches, the queue, the runner, and the one loop that asks the workers.

mod announce;
mod apply;
mod cache;
mod expectations;
mod health;
mod memory;
mod metrics;
mod owned;
mod poll;
mod reconcile;
mod scope;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::runtime::controller::{Action, Config};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::{applier, reflector};
use kube::{Client, ResourceExt};

use crate::claim_index::ClaimIndex;
use crate::settings::Settings;
use cache::PipelineKey;
use memory::{Memories, Version, lock};
use poll::Reports;
use reconcile::{Context, ReconcileError, note_claims, reconcile};
use scope::{Caches, Guarded, Watching, requests};

pub use health::Health;
pub use metrics::Metrics;

/// How many pipelines are looked at at once.
const CONCURRENCY: u16 = 16;
/// How long one look may take: a hang must not keep a pipeline from ever being looked at again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Events of one pipeline that come within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// How many concerned pipelines wait to be queued before the watches wait too.
const QUEUE: usize = 1024;

/// What the controller runs with.
#[derive(Clone)]
pub struct Controller {
    /// The API server.
    pub client: Client,
    /// The workers' status ports, see [`worker_client`].
    pub workers: reqwest::Client,
    /// What the installation decides.
    pub settings: Settings,
    /// The namespaces that are watched; none: all.
    pub namespaces: Vec<String>,
    /// The name of this replica, for Events.
    pub instance: String,
    /// What is missing.
    pub health: Arc<Health>,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

/// The client that asks the workers: plain HTTP within the cluster, which goes where it is sent and nowhere else.
///
/// # Errors
/// When it cannot be made.
pub fn worker_client() -> Result<reqwest::Client, reqwest::Error> {
    let direct = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    // No authority is trusted, because none is needed: an image without certificates must do.
    direct.tls_certs_only(std::iter::empty()).build()
}

impl Controller {
    /// Reconciles until the future is dropped.
    pub async fn run(self) {
        let claims = Arc::new(Mutex::new(ClaimIndex::default()));
        let scopes: Vec<Option<String>> = if self.namespaces.is_empty() {
            vec![None]
        } else {
            self.namespaces.iter().cloned().map(Some).collect()
        };
        let running = scopes.into_iter().map(|namespace| self.clone().run_in(namespace, claims.clone()));
        futures::future::join_all(running).await;
    }

    async fn run_in(self, namespace: Option<String>, claims: Arc<Mutex<ClaimIndex>>) {
        let (queue, receiver) = tokio::sync::mpsc::channel(QUEUE);
        let (pipelines, writer) = reflector::store();
        let reporter =
            Reporter { controller: crate::names::FIELD_MANAGER.to_owned(), instance: Some(self.instance) };
        let context = Arc::new(Context {
            client: self.client.clone(),
            settings: self.settings,
            caches: Caches::default(),
            pipelines: pipelines.clone(),
            claims,
            reports: Arc::default(),
            memories: Memories::default(),
            recorder: Recorder::new(self.client.clone(), reporter),
            metrics: self.metrics,
        });
        let watching = Watching { client: self.client, namespace, health: self.health, queue: queue.clone() };
        watching.keep_all(&context.caches, &context.settings);
        let seen = {
            let context = context.clone();
            move |pipeline: &Guarded| note_claims(&context, pipeline)
        };
        let gone = {
            let context = context.clone();
            move |uid: &str| {
                context.memories.forget(uid);
                let waiting = lock(&context.claims).remove(uid);
                waiting.into_iter().map(|it| PipelineKey { namespace: it.namespace, name: it.name }).collect()
            }
        };
        watching.begin(scope::PIPELINES);
        tokio::spawn(watching.clone().keep_pipelines(writer, seen, gone));
        tokio::spawn(ask_workers(self.workers, context.clone(), queue));
        watching.wait_until_read().await;
        let config = Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE);
        applier(
            |pipeline, context| Box::pin(guarded(pipeline, context)),
            after_failure,
            context,
            pipelines,
            requests(receiver),
            config,
        )
        // Failures are logged where their context is known; an object that is gone meanwhile is none.
        .for_each(|_| std::future::ready(()))
        .await;
    }
}

/// A reconcile that ends: in time, and without taking the others down with it.
async fn guarded(pipeline: Arc<Guarded>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let (began, now) = (Instant::now(), Timestamp::now());
    let (metrics, memory) =
        (context.metrics.clone(), context.memories.of(&pipeline.uid().unwrap_or_default()));
    let version = Version::of(pipeline.as_ref());
    if let Some(left) = lock(&memory).pause(&version, now) {
        return Ok(Action::requeue(left));
    }
    metrics.began();
    let bounded = tokio::time::timeout(PATIENCE, reconcile(pipeline, context));
    let result = match AssertUnwindSafe(bounded).catch_unwind().await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(ReconcileError::Timeout(PATIENCE)),
        Err(_) => {
            metrics.panicked();
            Err(ReconcileError::Panicked)
        }
    };
    match &result {
        Ok(_) => lock(&memory).succeeded(),
        Err(error) => {
            lock(&memory).failed(version, now);
            match error {
                ReconcileError::Panicked => tracing::error!(%error, "this is a bug"),
                error => tracing::warn!(%error, "it is tried again"),
            }
        }
    }
    let requeues = result.as_ref().map(|action| *action != Action::await_change()).map_err(|_| ());
    metrics.ended(requeues, began.elapsed().as_secs_f64());
    result
}

/// Failed ones come again after their pause.
#[allow(clippy::needless_pass_by_value, reason = "the runner hands them over")]
fn after_failure(pipeline: Arc<Guarded>, _: &ReconcileError, context: Arc<Context>) -> Action {
    let memory = context.memories.of(&pipeline.uid().unwrap_or_default());
    let left = lock(&memory).pause(&Version::of(pipeline.as_ref()), Timestamp::now());
    Action::requeue(left.unwrap_or_default())
}

/// Asks the workers how they are, and has those pipelines looked at whose workers have answered.
async fn ask_workers(
    client: reqwest::Client,
    context: Arc<Context>,
    queue: tokio::sync::mpsc::Sender<PipelineKey>,
) {
    let reports: &Reports = &context.reports;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let ready: HashSet<PipelineKey> =
            context.pipelines.state().iter().filter_map(|it| ready_key(it)).collect();
        let pods = context.caches.pods.all();
        let is_ready = |key: &PipelineKey| ready.contains(key);
        for pipeline in reports.ask(&client, &pods, is_ready, Timestamp::now()).await {
            let _ = queue.send(pipeline).await;
        }
    }
}

fn ready_key(pipeline: &Guarded) -> Option<PipelineKey> {
    let resource = pipeline.0.as_ref().ok()?;
    let conditions = &resource.status.as_ref()?.conditions;
    let is_ready =
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    is_ready.then(|| scope::key_of(pipeline))
}
