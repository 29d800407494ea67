//! Runs a reconcile so that it ends: in time, as long as this replica leads, and without taking other reconciles down.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tracing::Instrument;

use super::backoff::EditVersion;
use super::context::Context;
use super::metrics::ReconcileResult;
use super::queue::trigger::Triggers;
use super::reconcile::{Completion, ReconcileError, reconcile};
use super::reconcile_state::{NextAction, ReconcileState, Requeue};
use super::sync::lock;
use super::watch::stored_pipeline::StoredPipeline;
use crate::model::hash;

/// How long a reconcile may take. One that hangs must not keep its pipeline from being reconciled again.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a pipeline waits at most for the watches to show its last writes.
const CACHE_DELAY: Duration = Duration::from_secs(1);

/// Reconciles a pipeline if it is due. Returns the delay of the next reconcile; `None`: only when something changes.
pub(crate) async fn run(
    pipeline: Arc<StoredPipeline>,
    triggers: &Triggers,
    context: Arc<Context>,
) -> Option<Duration> {
    let span = reconcile_span(&pipeline);
    run_in_span(pipeline, triggers, context).instrument(span).await
}

/// The fields that all log lines of one reconcile have. The id is unique, also across restarts.
fn reconcile_span(pipeline: &StoredPipeline) -> tracing::Span {
    let metadata = pipeline.meta();
    let seed = format!("{:?} {}", metadata.uid, Timestamp::now());
    tracing::info_span!(
        "reconcile",
        namespace = metadata.namespace,
        pipeline = metadata.name,
        reconcile_id = hash::short(seed.as_bytes()),
    )
}

async fn run_in_span(
    pipeline: Arc<StoredPipeline>,
    triggers: &Triggers,
    context: Arc<Context>,
) -> Option<Duration> {
    let _in_progress = context.leader.start().await;
    let now = Timestamp::now();
    let state = context.states.of(&pipeline.uid().unwrap_or_default());
    let version = EditVersion::of(pipeline.as_ref());
    if let Some(left) = lock(&state).backoff.remaining(&version, now) {
        return Some(left);
    }
    let next = lock(&state).next_action(triggers.as_slice(), now);
    tracing::debug!(?triggers, ?next, "taken from the workqueue");
    match next {
        NextAction::Reconcile => {}
        NextAction::Skip(requeue) => return delay(requeue, now),
        NextAction::AwaitCaches => return Some(CACHE_DELAY),
    }
    let started = Instant::now();
    context.metrics.started();
    let result = bounded(pipeline, context.clone()).await;
    let (delay, result) = record(&mut lock(&state), result, &version, now);
    context.metrics.ended(result, started.elapsed().as_secs_f64());
    delay
}

/// Records the result of a reconcile. Returns the delay of the next one.
fn record(
    state: &mut ReconcileState,
    result: Result<Completion, ReconcileError>,
    version: &EditVersion,
    now: Timestamp,
) -> (Option<Duration>, ReconcileResult) {
    let completion = match result {
        Ok(completion) => completion,
        Err(error) => {
            match error {
                ReconcileError::Panicked => tracing::error!(%error, "this is a bug"),
                _ => tracing::warn!(%error, "reconcile failed and is retried"),
            }
            state.backoff.failed(version.clone(), now);
            let left = state.backoff.remaining(version, Timestamp::now());
            return (Some(left.unwrap_or_default()), ReconcileResult::Error);
        }
    };
    state.backoff.reset();
    let delay = match completion {
        Completion::Done(requeue) => {
            state.succeeded(requeue);
            delay(requeue, now)
        }
        Completion::AwaitsCaches => Some(CACHE_DELAY),
    };
    match delay {
        Some(_) => (delay, ReconcileResult::RequeueAfter),
        None => (None, ReconcileResult::Success),
    }
}

/// A reconcile that ends when it takes too long, when this replica no longer leads, and when it panics.
async fn bounded(pipeline: Arc<StoredPipeline>, context: Arc<Context>) -> Result<Completion, ReconcileError> {
    let (metrics, leader) = (context.metrics.clone(), context.leader.clone());
    let bounded = tokio::time::timeout(TIMEOUT, leader.while_leading(reconcile(pipeline, context)));
    match AssertUnwindSafe(bounded).catch_unwind().await {
        Ok(Ok(Some(result))) => result,
        Ok(Ok(None)) => Err(ReconcileError::LeadershipLost),
        Ok(Err(_)) => Err(ReconcileError::Timeout(TIMEOUT)),
        Err(_) => {
            metrics.panicked();
            Err(ReconcileError::Panicked)
        }
    }
}

fn delay(requeue: Requeue, now: Timestamp) -> Option<Duration> {
    requeue.at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default())
}
