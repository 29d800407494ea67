//! The rounds in which the workers are asked how they are, and what follows from their answers.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;

use crate::model::pipeline_key::PipelineKey;
use crate::runtime::queue::workqueue::Trigger;
use crate::runtime::reconcile::Context;
use crate::runtime::reconcile_state::lock;
use crate::runtime::watch::stored_pipeline::StoredPipeline;

/// Workers that become ready within this time are asked together.
const TOGETHER: Duration = Duration::from_millis(100);

fn free_ended(context: &Context) -> BTreeSet<PipelineKey> {
    context.claiming().free_ended(&mut lock(&context.claims), Timestamp::now())
}

/// Asks the workers how they are, each by the clock and when it has become ready, and has those pipelines looked at whose workers
/// have answered; and those for which the workers of another have ended.
pub(crate) async fn ask_workers(client: reqwest::Client, context: Arc<Context>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let concerned = tokio::select! {
            _ = ticks.tick() => {
                let mut concerned = ask_workers_due(&client, &context).await;
                concerned.on_their_way.extend(free_ended(&context));
                concerned
            }
            () = context.caches.pods.worker_comes_up() => {
                tokio::time::sleep(TOGETHER).await;
                let now = Timestamp::now();
                let new = context.reports.not_asked(context.caches.pods.came_up());
                let on_their_way = context.reports.ask(&client, new, now).await;
                Concerned { on_their_way, ..Concerned::default() }
            }
        };
        for pipeline in concerned.on_their_way {
            context.queues.send(pipeline, Trigger::Changed).await;
        }
        for pipeline in concerned.ready {
            context.queues.send_patient(pipeline, Trigger::Changed).await;
        }
    }
}

/// Whom the answers of the workers concern.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    /// Those that are not ready, or have a worker that was not there before.
    on_their_way: BTreeSet<PipelineKey>,
    /// Those that are ready, and of which there are numbers.
    ready: BTreeSet<PipelineKey>,
}

/// Asks the workers whose turn it is, and gives their pipelines.
pub(crate) async fn ask_workers_due(client: &reqwest::Client, context: &Context) -> Concerned {
    let pipelines = context.pipelines.state();
    // Borrowed: with every round there are as many of them as there are pipelines.
    let ready: HashSet<(&str, &str)> =
        pipelines.iter().filter(|it| it.is_ready()).filter_map(|it| names(it)).collect();
    let is_ready = |key: &PipelineKey| ready.contains(&(key.namespace.as_str(), key.name.as_str()));
    let now = Timestamp::now();
    let due = context.reports.due(&context.caches.pods, is_ready, now);
    let concerned = context.reports.ask(client, due, now).await;
    let (ready, on_their_way) = concerned.into_iter().partition(is_ready);
    Concerned { on_their_way, ready }
}

fn names(pipeline: &StoredPipeline) -> Option<(&str, &str)> {
    let metadata = pipeline.meta();
    metadata.namespace.as_deref().zip(metadata.name.as_deref())
}
