//! Ready pipelines, handed out round-robin by namespace, so that a namespace waits for at most one pipeline of each
//! other namespace. Pure.

use std::collections::{HashMap, VecDeque};

use crate::model::pipeline_key::PipelineKey;

/// The pipelines of each namespace in the order in which they were added, and the namespaces in the order in which
/// they are due.
#[derive(Debug, Default)]
pub(crate) struct FairQueue {
    pipelines: HashMap<String, VecDeque<PipelineKey>>,
    /// Each namespace of `pipelines` once.
    namespaces: VecDeque<String>,
}

impl FairQueue {
    /// Adds a pipeline after the others of its namespace. A namespace without any comes after the other namespaces.
    pub(crate) fn push_back(&mut self, pipeline: PipelineKey) {
        if let Some(others) = self.pipelines.get_mut(&pipeline.namespace) {
            others.push_back(pipeline);
            return;
        }
        self.namespaces.push_back(pipeline.namespace.clone());
        self.pipelines.insert(pipeline.namespace.clone(), [pipeline].into());
    }

    /// Takes the next pipeline of the first namespace that is not this one, which comes after all others then.
    pub(crate) fn pop_front_except(&mut self, except: Option<&str>) -> Option<PipelineKey> {
        let position = self.namespaces.iter().position(|it| Some(it.as_str()) != except)?;
        let namespace = self.namespaces.remove(position)?;
        let waiting = self.pipelines.get_mut(&namespace)?;
        let pipeline = waiting.pop_front();
        if waiting.is_empty() {
            self.pipelines.remove(&namespace);
        } else {
            self.namespaces.push_back(namespace);
        }
        pipeline
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key((namespace, name): &(u8, u16)) -> PipelineKey {
        PipelineKey { namespace: format!("namespace-{namespace}"), name: format!("pipeline-{name}") }
    }

    fn drain(queue: &mut FairQueue) -> Vec<PipelineKey> {
        std::iter::from_fn(|| queue.pop_front_except(None)).collect()
    }

    proptest! {
        #[test]
        fn other_namespace_waits_for_one_pipeline_at_most(waiting in 1_u16..200, taken in 0_usize..200) {
            let mut queue = FairQueue::default();
            (0..waiting).for_each(|name| queue.push_back(key(&(1, name))));
            (0..taken).for_each(|_| drop(queue.pop_front_except(None)));
            queue.push_back(key(&(2, 0)));
            let position = drain(&mut queue).iter().position(|it| *it == key(&(2, 0)));
            prop_assert!(position.is_some_and(|position| position <= 1), "{position:?}");
        }

        #[test]
        fn pipelines_of_a_namespace_keep_their_order(
            added in prop::collection::vec((0_u8..4, any::<u16>()), 0..100),
        ) {
            let mut queue = FairQueue::default();
            added.iter().for_each(|it| queue.push_back(key(it)));
            let taken = drain(&mut queue);
            for namespace in 0..4 {
                let expected: Vec<_> = added.iter().filter(|it| it.0 == namespace).map(key).collect();
                let own = expected.first().map(|it| it.namespace.clone());
                let of_it: Vec<_> = taken.iter().filter(|it| Some(&it.namespace) == own.as_ref()).cloned().collect();
                prop_assert_eq!(of_it, expected);
            }
            prop_assert_eq!(taken.len(), added.len());
        }

        #[test]
        fn namespaces_alternate_while_both_wait(counts in (1_usize..50, 1_usize..50)) {
            let mut queue = FairQueue::default();
            (0..counts.0).for_each(|_| queue.push_back(key(&(1, 0))));
            (0..counts.1).for_each(|_| queue.push_back(key(&(2, 0))));
            let both = 2 * counts.0.min(counts.1);
            let taken = drain(&mut queue);
            prop_assert!(taken.iter().take(both).enumerate().all(|(at, it)| (at % 2 == 0) == (*it == key(&(1, 0)))));
        }
    }
}
