//! What producers and consumers of one process know of each other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::group::{Group, MemberId};

/// Groups, ends of partitions, and a signal for those who wait for either.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    groups: HashMap<GroupKey, Group>,
    /// By topic, and then by partition.
    end_offsets: HashMap<Box<str>, Vec<i64>>,
}

/// A group on a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    pub(super) topic: Box<str>,
    pub(super) group: Box<str>,
}

impl Shared {
    /// A receiver that sees every [`wake`](Self::wake) from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Wakes everybody who waits.
    pub(super) fn wake(&self) {
        self.changes.send_replace(());
    }

    /// Takes note of the ends of a topic's partitions. Ends only grow, and so does their number.
    pub(super) fn note_end_offsets(&self, topic: &str, end_offsets: &[i64]) {
        let mut state = self.state();
        let known = match state.end_offsets.get_mut(topic) {
            Some(known) => known,
            None => state.end_offsets.entry(topic.into()).or_default(),
        };
        let mut grown = known.len() < end_offsets.len();
        known.resize(known.len().max(end_offsets.len()), 0);
        for (known, end) in known.iter_mut().zip(end_offsets) {
            grown |= *known < *end;
            *known = (*known).max(*end);
        }
        drop(state);
        if grown {
            self.wake();
        }
    }

    /// The end of a partition, as far as it is known.
    pub(super) fn end_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let state = self.state();
        state.end_offsets.get(topic)?.get(usize::try_from(partition).ok()?).copied()
    }

    /// How many partitions a topic has, as far as it is known.
    pub(super) fn partitions(&self, topic: &str) -> usize {
        self.state().end_offsets.get(topic).map_or(0, Vec::len)
    }

    /// Looks at or changes a group, and wakes everybody if that changed it.
    pub(super) fn with_group<T>(&self, key: &GroupKey, work: impl FnOnce(&mut Group) -> T) -> T {
        let mut state = self.state();
        let group = state.groups.entry(key.clone()).or_default();
        let before = group.generation();
        let result = work(group);
        let changed = group.generation() != before;
        drop(state);
        if changed {
            self.wake();
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Membership in a group, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) key: GroupKey,
    pub(super) member: MemberId,
}

impl Membership {
    pub(super) fn join(shared: &std::sync::Arc<Shared>, key: GroupKey) -> Self {
        let member = shared.with_group(&key, Group::join);
        Self { shared: std::sync::Arc::clone(shared), key, member }
    }

    pub(super) fn with_group<T>(&self, work: impl FnOnce(&mut Group, MemberId) -> T) -> T {
        self.shared.with_group(&self.key, |group| work(group, self.member))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.with_group(|group, member| group.leave(member));
    }
}
