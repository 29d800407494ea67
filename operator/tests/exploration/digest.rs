//! Digests of states: two states of one digest behave alike. Numbers that only count are not part of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::model::Model;
use crate::objects::{PIPELINE, WATCHES};
use crate::specs::PipelineState;
use crate::state::{Operator, State, View};

pub(crate) fn digest_of(value: &impl Hash) -> u128 {
    let half = |seed: u64| {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        value.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

/// The digests of interned values, by number.
#[derive(Default)]
pub(crate) struct Digests {
    groups: Vec<u128>,
    pipelines: Vec<u128>,
    environments: Vec<u128>,
    expected: Vec<u128>,
}

impl Model {
    pub(crate) fn digest(&mut self, state: &State) -> u128 {
        let in_progress = [Some(&state.leader), state.former.as_ref()].map(|operator| {
            let in_progress = operator?.in_progress?;
            let reconcile = &self.reconciles[in_progress.reconcile as usize];
            let is_current = reconcile.view[PIPELINE] == state.actual[PIPELINE];
            Some((reconcile.digest, in_progress.done, in_progress.failure, is_current))
        });
        let actual = self.digest_of_view(&state.actual, (1 << WATCHES) - 1);
        let leader = self.digest_of_operator(&state.leader);
        let former = state.former.map(|former| self.digest_of_operator(&former));
        let environment = state.environment as usize;
        let environments = self.environments.all();
        remember(&mut self.digests.environments, environment, |number| digest_of(&environments[number]));
        digest_of(&(actual, leader, former, in_progress, self.digests.environments[environment]))
    }

    fn digest_of_operator(&mut self, operator: &Operator) -> (u128, u8, u128, bool) {
        let expected = operator.expected as usize;
        let all = self.expected.all();
        remember(&mut self.digests.expected, expected, |number| digest_of(&all[number]));
        // A watch that is not stalled shows the actual objects.
        let observed = self.digest_of_view(&operator.observed, operator.stalled);
        (observed, operator.stalled, self.digests.expected[expected], operator.has_reserved)
    }

    fn digest_of_view(&mut self, view: &View, watches: u8) -> u128 {
        let mut all = [0; WATCHES];
        for watch in (0..WATCHES).filter(|watch| watches & (1 << watch) != 0) {
            let number = view[watch] as usize;
            all[watch] = if watch == PIPELINE {
                let (pipelines, statuses) = (self.pipelines.all(), &self.statuses);
                remember(&mut self.digests.pipelines, number, |number| {
                    digest_of(&pipelines[number].as_ref().clone().map(|pipeline| {
                        let written = &statuses[pipeline.status as usize];
                        let generation = Some(pipeline.generation.into());
                        let is_current = written.status.observed_generation == generation;
                        (PipelineState { generation: 0, status: 0, ..pipeline }, written.digest, is_current)
                    }))
                });
                self.digests.pipelines[number]
            } else {
                let (groups, objects) = (self.groups.all(), &self.objects);
                remember(&mut self.digests.groups, number, |number| {
                    let ids = groups[number].iter();
                    let mut digests: Vec<u128> = ids.map(|id| objects.get(*id).digest).collect();
                    digests.sort_unstable();
                    digest_of(&digests)
                });
                self.digests.groups[number]
            };
        }
        digest_of(&all)
    }
}

/// Computes the digests up to this number.
fn remember(known: &mut Vec<u128>, number: usize, digest: impl FnMut(usize) -> u128) {
    known.extend((known.len()..=number).map(digest));
}
