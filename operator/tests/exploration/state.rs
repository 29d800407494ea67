//! A state of the model: what the API server contains, what each operator has observed, and what has happened outside
//! of Kubernetes' objects.

use std::collections::{BTreeMap, BTreeSet};

use userstream_crds::condition::Reason;

use crate::contender::Contender;
use crate::objects::WATCHES;

/// The observed objects by watch, each a set by number; of the pipeline its own number, 0 when there is none.
pub(crate) type View = [u32; WATCHES];

/// A reconcile in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InProgress {
    /// Its number.
    pub(crate) reconcile: u32,
    /// How many of its steps are done.
    pub(crate) done: u8,
    /// The reason of its first failed write.
    pub(crate) failure: Option<Reason>,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operator {
    pub(crate) observed: View,
    /// The stalled watches, by bit.
    pub(crate) stalled: u8,
    pub(crate) in_progress: Option<InProgress>,
    /// The expected writes, a set by its number.
    pub(crate) expected: u32,
    /// Whether the pipeline has reserved its claims.
    pub(crate) has_reserved: bool,
}

impl Operator {
    /// An operator that has just started, and whose stores have synced.
    pub(crate) const fn started(observed: View) -> Self {
        Self { observed, stalled: 0, in_progress: None, expected: 0, has_reserved: false }
    }

    pub(crate) const fn is_stalled(&self, watch: usize) -> bool {
        self.stalled & (1 << watch) != 0
    }
}

/// What has happened outside of Kubernetes' objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Environment {
    /// Configurations whose topic and table are provisioned.
    pub(crate) provisioned: BTreeSet<String>,
    /// Configurations that all processors have run.
    pub(crate) rolled_out: BTreeSet<String>,
    /// The partitions of the topic.
    pub(crate) partitions: u32,
    /// The incarnation of the newest pipeline of the name.
    pub(crate) newest_incarnation: u8,
    /// The incarnation whose topic and table exist; 0: none.
    pub(crate) has_data: u8,
    /// The pipeline is being deleted and has to delete its data.
    pub(crate) owes_cleanup: bool,
    /// An Event has reported that data stays.
    pub(crate) given_up: bool,
    /// The deadline of the cleanup has passed.
    pub(crate) is_late: bool,
    pub(crate) namespace_is_deleted: bool,
    /// Objects of other clients, by name.
    pub(crate) foreign: BTreeMap<String, u32>,
    /// How many runs of the schedule were started.
    pub(crate) runs: u8,
    /// Another pipeline with the same claims.
    pub(crate) contender: Contender,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) actual: View,
    pub(crate) leader: Operator,
    /// A former leader that has not noticed that it leads no more.
    pub(crate) former: Option<Operator>,
    /// The environment, by number.
    pub(crate) environment: u32,
    /// How many actions of users are left.
    pub(crate) edits: u8,
    /// How many faults are left.
    pub(crate) faults: u8,
}

impl State {
    pub(crate) fn operator(&self, is_former: bool) -> Option<Operator> {
        if is_former { self.former } else { Some(self.leader) }
    }

    pub(crate) fn operator_mut(&mut self, is_former: bool) -> &mut Operator {
        if is_former { self.former.as_mut().unwrap() } else { &mut self.leader }
    }
}
