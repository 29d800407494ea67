//! The imperative shell: watches, the queue, the runner, and the one loop that asks the workers.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::runtime::controller::{Action, Config, Error};
use kube::runtime::events::Reporter;
use kube::runtime::{applier, reflector};
use kube::{Client, Resource, ResourceExt};
use tokio::sync::Barrier;
use tokio::sync::mpsc::Receiver;
use tracing::Instrument;

use crate::model::pipeline_key::PipelineKey;
use crate::model::settings::Settings;
use crate::plan::reservations::Reservations;
use crate::runtime::events::EventRecorder;
use crate::runtime::lease::LeaderGuard;
use crate::runtime::queue::pace::Pace;
use crate::runtime::queue::workqueue::Queues;
use crate::runtime::reconcile::{Completion, Context, ReconcileError, reconcile};
use crate::runtime::reconcile_state::{NextAction, ReconcileStates, Requeue, Version, lock};
use crate::runtime::scrape::status_scraper::{ask_workers, ask_workers_due};
use crate::runtime::watch::stored_pipeline::StoredPipeline;
use crate::runtime::watch::watches::{self, Stores, Watches, requests};
use crate::runtime::{Health, Metrics};

/// How many pipelines are looked at at once.
pub(crate) const CONCURRENCY: u16 = 16;
/// How long one look may take: a hang must not keep a pipeline from ever being looked at again.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the first round of questions to the workers may take. Those that have not answered by then are asked again.
const FIRST_ROUND: Duration = Duration::from_secs(10);
/// How long a pipeline whose last writes the caches have not seen waits at most.
const CACHES_SOON: Duration = Duration::from_secs(1);
/// Events of one pipeline that come within this time are one.
pub(crate) const DEBOUNCE: Duration = Duration::from_millis(50);

/// What the scopes have in common.
#[derive(Clone)]
struct Shared {
    claims: Arc<Mutex<Reservations>>,
    /// Where the scopes wait for each other: nobody is looked at before all claims are known.
    claimed: Arc<Barrier>,
    queues: Arc<Queues>,
    pace: Arc<Pace>,
}

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
    /// Whether this replica may act.
    pub lead: LeaderGuard,
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
    // The next question to a worker comes in half a minute: until then a connection to each would only take memory.
    let direct = direct.pool_max_idle_per_host(0);
    // No authority is trusted, because none is needed: an image without certificates must do.
    direct.tls_certs_only(std::iter::empty()).build()
}

impl Controller {
    /// Reconciles until the future is dropped.
    pub async fn run(self) {
        let scopes: Vec<Option<String>> = if self.namespaces.is_empty() {
            vec![None]
        } else {
            self.namespaces.iter().cloned().map(Some).collect()
        };
        let claimed = Arc::new(Barrier::new(scopes.len()));
        self.metrics.has_workers(usize::from(CONCURRENCY) * scopes.len());
        let (queues, scopes) = Queues::of(scopes, self.metrics.clone());
        let (claims, pace) = (Arc::default(), Arc::default());
        let shared = Shared { claims, claimed, queues: Arc::new(queues), pace };
        let running = scopes
            .into_iter()
            .map(|(namespace, receiver)| self.clone().run_in(namespace, receiver, shared.clone()));
        futures::future::join_all(running).await;
    }

    async fn run_in(self, namespace: Option<String>, receiver: Receiver<PipelineKey>, shared: Shared) {
        let (pipelines, writer) = reflector::store();
        let reporter = Reporter {
            controller: userstream_crds::names::FIELD_MANAGER.to_owned(),
            instance: Some(self.instance),
        };
        let context = Arc::new(Context {
            client: self.client.clone(),
            namespace: namespace.clone(),
            settings: self.settings,
            caches: Stores::default(),
            pipelines: pipelines.clone(),
            claims: shared.claims,
            queues: shared.queues.clone(),
            reports: Arc::default(),
            pace: shared.pace,
            memories: ReconcileStates::default(),
            announcer: EventRecorder::new(self.client.clone(), reporter),
            metrics: self.metrics,
            lead: self.lead,
        });
        let watching =
            Watches { client: self.client, namespace, health: self.health, queues: shared.queues.clone() };
        watching.keep_all(&context.caches, &context.settings);
        let seen = {
            let context = context.clone();
            move |pipeline: &StoredPipeline| context.claiming().note(&mut lock(&context.claims), pipeline)
        };
        let gone = {
            let context = context.clone();
            move |uid: &str| {
                context.memories.forget(uid);
                context.claiming().gone(&mut lock(&context.claims), uid, Timestamp::now())
            }
        };
        watching.begin(watches::PIPELINES);
        tokio::spawn(watching.clone().keep_pipelines(writer, seen, gone));
        watching.wait_until_read().await;
        note_all_claims(&context);
        shared.claimed.wait().await;
        // Before the first look: whoever has heard of no worker yet would tell that none is well.
        let _ = tokio::time::timeout(FIRST_ROUND, ask_workers_due(&self.workers, &context)).await;
        tokio::spawn(ask_workers(self.workers, context.clone()));
        let config = Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE);
        applier(
            |pipeline, context| {
                let span = reconcile_span(&pipeline);
                Box::pin(guarded(pipeline, context).instrument(span))
            },
            after_failure,
            context,
            pipelines,
            requests(receiver),
            config,
        )
        // Failures are logged where their context is known; an object that is gone meanwhile is none.
        .for_each(|looked| {
            if let Err(Error::ObjectNotFound(gone)) = looked {
                let namespace = gone.namespace.unwrap_or_default();
                shared.queues.dropped(&PipelineKey { namespace, name: gone.name });
            }
            std::future::ready(())
        })
        .await;
    }
}

/// The index is held meanwhile, so that nothing that happens now is undone by what was before.
fn note_all_claims(context: &Context) {
    let mut index = lock(&context.claims);
    let pipelines = context.pipelines.state();
    context.claiming().note_all(&mut index, pipelines.iter().map(AsRef::as_ref));
}

/// What the lines of one reconcile have in common. The id is that of nothing else, also after a restart.
fn reconcile_span(pipeline: &StoredPipeline) -> tracing::Span {
    let metadata = pipeline.meta();
    let seed = format!("{:?} {}", metadata.uid, Timestamp::now());
    tracing::info_span!(
        "reconcile",
        namespace = metadata.namespace,
        pipeline = metadata.name,
        reconcile_id = crate::model::hash::short(seed.as_bytes()),
    )
}

/// A reconcile that ends: in time, and without taking the others down with it.
async fn guarded(pipeline: Arc<StoredPipeline>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let _under_way = context.lead.begin().await;
    let causes = context.queues.took(&watches::key_of(&pipeline));
    let (began, now) = (Instant::now(), Timestamp::now());
    let (metrics, lead) = (context.metrics.clone(), context.lead.clone());
    let memory = context.memories.of(&pipeline.uid().unwrap_or_default());
    let version = Version::of(pipeline.as_ref());
    if let Some(left) = lock(&memory).pause(&version, now) {
        return Ok(Action::requeue(left));
    }
    let wake = lock(&memory).wake(&causes, now);
    tracing::debug!(?causes, ?wake, "its turn has come");
    match wake {
        NextAction::Reconcile => {}
        NextAction::Skip(rest) => return Ok(after(rest, now)),
        NextAction::AwaitCaches => return Ok(Action::requeue(CACHES_SOON)),
    }
    metrics.began();
    let bounded = tokio::time::timeout(PATIENCE, lead.while_it_holds(reconcile(pipeline, context)));
    let result = match AssertUnwindSafe(bounded).catch_unwind().await {
        Ok(Ok(Some(result))) => result,
        Ok(Ok(None)) => Err(ReconcileError::LeadLost),
        Ok(Err(_)) => Err(ReconcileError::Timeout(PATIENCE)),
        Err(_) => {
            metrics.panicked();
            Err(ReconcileError::Panicked)
        }
    };
    let result = match result {
        Ok(looked) => {
            lock(&memory).succeeded();
            Ok(match looked {
                Completion::Done(rest) => {
                    lock(&memory).rests(rest);
                    after(rest, now)
                }
                Completion::AwaitsCaches => Action::requeue(CACHES_SOON),
            })
        }
        Err(error) => {
            lock(&memory).failed(version, now);
            match error {
                ReconcileError::Panicked => tracing::error!(%error, "this is a bug"),
                _ => tracing::warn!(%error, "it is tried again"),
            }
            Err(error)
        }
    };
    let requeues = result.as_ref().map(|action| *action != Action::await_change()).map_err(|_| ());
    metrics.ended(requeues, began.elapsed().as_secs_f64());
    result
}

/// What the runner does after a look.
fn after(rest: Requeue, now: Timestamp) -> Action {
    let left = |until: Timestamp| Duration::try_from(until.duration_since(now)).unwrap_or_default();
    rest.until.map_or_else(Action::await_change, |until| Action::requeue(left(until)))
}

/// Failed ones come again after their pause.
#[allow(clippy::needless_pass_by_value, reason = "the runner hands them over")]
fn after_failure(pipeline: Arc<StoredPipeline>, _: &ReconcileError, context: Arc<Context>) -> Action {
    let memory = context.memories.of(&pipeline.uid().unwrap_or_default());
    let left = lock(&memory).pause(&Version::of(pipeline.as_ref()), Timestamp::now());
    Action::requeue(left.unwrap_or_default())
}
