//! The queues of pipelines to look at: one for each scope, and a way into all of them, because what happens in one namespace
//! can concern a pipeline of another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use super::cache::PipelineKey;
use super::memory::lock;
use super::metrics::Metrics;

/// How many concerned pipelines wait to be queued before the watches wait too.
const QUEUE: usize = 1024;

/// The queues.
#[derive(Debug)]
pub(super) struct Queues {
    /// The ways into them, by the namespace of their scope; None: all namespaces.
    ways: HashMap<Option<String>, Sender<PipelineKey>>,
    /// Who waits, and since when. Whoever is sent again while waiting is looked at once.
    waiting: Mutex<HashMap<PipelineKey, Instant>>,
    metrics: Arc<Metrics>,
}

/// A scope, and what comes out of its queue.
type Queued = (Option<String>, Receiver<PipelineKey>);

impl Queues {
    /// A queue for each scope, and the other ends of them.
    pub(super) fn of(scopes: Vec<Option<String>>, metrics: Arc<Metrics>) -> (Self, Vec<Queued>) {
        let (mut ways, mut receivers) = (HashMap::new(), Vec::new());
        for scope in scopes {
            let (sender, receiver) = channel(QUEUE);
            ways.insert(scope.clone(), sender);
            receivers.push((scope, receiver));
        }
        (Self { ways, waiting: Mutex::default(), metrics }, receivers)
    }

    /// Has a pipeline looked at by the scope that knows it.
    pub(super) async fn send(&self, pipeline: PipelineKey) {
        let own = self.ways.get(&Some(pipeline.namespace.clone()));
        if let Some(queue) = own.or_else(|| self.ways.get(&None)) {
            self.note(&pipeline);
            // The receiver is gone only when the process is.
            let _ = queue.send(pipeline).await;
        }
    }

    fn note(&self, pipeline: &PipelineKey) {
        let mut waiting = lock(&self.waiting);
        if !waiting.contains_key(pipeline) {
            waiting.insert(pipeline.clone(), Instant::now());
            self.metrics.added();
            self.metrics.waiting(waiting.len());
        }
    }

    /// A pipeline's turn has come. One that nobody has sent has waited for its time and not for its turn.
    pub(super) fn took(&self, pipeline: &PipelineKey) {
        match self.remove(pipeline) {
            Some(since) => self.metrics.waited(since.elapsed().as_secs_f64()),
            None => self.metrics.added(),
        }
    }

    /// A pipeline's turn has come, and it is no more.
    pub(super) fn dropped(&self, pipeline: &PipelineKey) {
        self.remove(pipeline);
    }

    fn remove(&self, pipeline: &PipelineKey) -> Option<Instant> {
        let mut waiting = lock(&self.waiting);
        let since = waiting.remove(pipeline);
        self.metrics.waiting(waiting.len());
        since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str) -> PipelineKey {
        PipelineKey { namespace: namespace.to_owned(), name: "users".to_owned() }
    }

    #[tokio::test]
    async fn a_pipeline_goes_to_the_queue_of_its_own_namespace() {
        let (queues, receivers) =
            Queues::of(vec![Some("a".to_owned()), Some("b".to_owned())], Arc::default());
        for namespace in ["b", "a", "elsewhere"] {
            queues.send(key(namespace)).await;
        }
        drop(queues);
        for (scope, mut receiver) in receivers {
            let namespace = scope.unwrap();
            assert_eq!(receiver.recv().await, Some(key(&namespace)));
            assert_eq!(receiver.recv().await, None);
        }
    }

    #[tokio::test]
    async fn where_all_namespaces_are_one_scope_they_have_one_queue() {
        let (queues, receivers) = Queues::of(vec![None], Arc::default());
        queues.send(key("a")).await;
        queues.send(key("b")).await;
        for (_, mut receiver) in receivers {
            assert_eq!((receiver.recv().await, receiver.recv().await), (Some(key("a")), Some(key("b"))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_sent_while_waiting_waits_once_and_since_the_first_time() {
        let metrics = Arc::<Metrics>::default();
        let (queues, _receivers) = Queues::of(vec![None], metrics.clone());
        let says = |line: &str| {
            let text = metrics.encode().unwrap();
            let labels = r#"{name="userstreampipeline",controller="userstreampipeline"}"#;
            let line = line.replacen(' ', &format!("{labels} "), 1);
            assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
        };
        says("workqueue_depth 0");
        queues.send(key("a")).await;
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        queues.send(key("a")).await;
        queues.send(key("gone")).await;
        says("workqueue_depth 2");
        queues.took(&key("a"));
        queues.dropped(&key("gone"));
        says("workqueue_depth 0");
        says("workqueue_adds_total 2");
        says("workqueue_queue_duration_seconds_sum 2.0");
        says("workqueue_queue_duration_seconds_count 1");
        queues.took(&key("a"));
        says("workqueue_adds_total 3");
        says("workqueue_queue_duration_seconds_count 1");
    }
}
