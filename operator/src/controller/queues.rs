//! The queues of pipelines to look at: one for each scope, and a way into all of them, because what happens in one namespace
//! can concern a pipeline of another.

use std::collections::HashMap;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::cache::PipelineKey;

/// How many concerned pipelines wait to be queued before the watches wait too.
const QUEUE: usize = 1024;

/// The ways into the queues, by the namespace of their scope; None: all namespaces.
#[derive(Debug)]
pub(super) struct Queues(HashMap<Option<String>, Sender<PipelineKey>>);

/// A scope, and what comes out of its queue.
type Queued = (Option<String>, Receiver<PipelineKey>);

impl Queues {
    /// A queue for each scope, and the other ends of them.
    pub(super) fn of(scopes: Vec<Option<String>>) -> (Self, Vec<Queued>) {
        let (mut senders, mut receivers) = (HashMap::new(), Vec::new());
        for scope in scopes {
            let (sender, receiver) = channel(QUEUE);
            senders.insert(scope.clone(), sender);
            receivers.push((scope, receiver));
        }
        (Self(senders), receivers)
    }

    /// Has a pipeline looked at by the scope that knows it.
    pub(super) async fn send(&self, pipeline: PipelineKey) {
        let own = self.0.get(&Some(pipeline.namespace.clone()));
        if let Some(queue) = own.or_else(|| self.0.get(&None)) {
            // The receiver is gone only when the process is.
            let _ = queue.send(pipeline).await;
        }
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
        let (queues, receivers) = Queues::of(vec![Some("a".to_owned()), Some("b".to_owned())]);
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
        let (queues, receivers) = Queues::of(vec![None]);
        queues.send(key("a")).await;
        queues.send(key("b")).await;
        for (_, mut receiver) in receivers {
            assert_eq!((receiver.recv().await, receiver.recv().await), (Some(key("a")), Some(key("b"))));
        }
    }
}
