//! The state that producers and consumers of one process share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

use super::group::{Group, MemberId};

/// Groups, end offsets, and a signal for changes of either.
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
    /// A receiver of every further [`wake`](Self::wake).
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Wakes all waiting consumers.
    pub(super) fn wake(&self) {
        self.changes.send_replace(());
    }

    /// Records the end offsets of a topic. They only grow, and so does their number.
    pub(super) fn set_end_offsets(&self, topic: &str, end_offsets: &[i64]) {
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

    /// The end offset of a partition, if known.
    pub(super) fn end_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let state = self.state();
        state.end_offsets.get(topic)?.get(usize::try_from(partition).ok()?).copied()
    }

    /// How many partitions a topic has, as far as known.
    pub(super) fn partitions(&self, topic: &str) -> usize {
        self.state().end_offsets.get(topic).map_or(0, Vec::len)
    }

    /// Reads or changes a group, and wakes all waiting consumers if it changed.
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
        // Ignores poisoning: no critical section leaves the state half-updated.
        self.state.lock().unwrap_or_else(|error| error.into_inner())
    }
}

/// Membership in a group, which ends on drop.
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
