//! A state of the small world: what the API server has, what each operator has seen, and what has come about outside.

use std::collections::{BTreeMap, BTreeSet};

use crate::contender::Rival;
use crate::objects::WATCHES;

/// What was seen, by watch; of the pipeline its number, 0 when there is none.
pub(crate) type View = [u32; WATCHES];

/// A look that is under way: what it was decided from, and how many of its writes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UnderWay {
    pub(crate) plan: u32,
    pub(crate) done: u8,
    pub(crate) problem: u8,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operator {
    pub(crate) seen: View,
    /// The watches, by bit, that do not move.
    pub(crate) stalled: u8,
    pub(crate) under_way: Option<UnderWay>,
    /// The writes that its caches have to see, a set by its number.
    pub(crate) expected: u32,
    /// Whether the pipeline may begin with what it claims, as this operator has once found.
    pub(crate) admitted: bool,
}

impl Operator {
    /// One that has just started and read everything.
    pub(crate) const fn started(seen: View) -> Self {
        Self { seen, stalled: 0, under_way: None, expected: 0, admitted: false }
    }
}

/// What has come about outside of Kubernetes' objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Outside {
    /// Configurations whose topic and table are made.
    pub(crate) provisioned: BTreeSet<String>,
    /// Configurations that all processors have had.
    pub(crate) rolled_out: BTreeSet<String>,
    pub(crate) partitions: u32,
    /// The newest pipeline of the name.
    pub(crate) newest: u8,
    /// The pipeline whose topic and table exist; 0: none.
    pub(crate) has_data: u8,
    /// The pipeline is being deleted and owes the deletion of its data.
    pub(crate) owes: bool,
    /// Events told that data stays.
    pub(crate) given_up: bool,
    /// The deadline of the cleanup has passed.
    pub(crate) is_late: bool,
    pub(crate) namespace_goes: bool,
    /// Objects of somebody else by their names.
    pub(crate) foreign: BTreeMap<String, u32>,
    /// A run of the schedule was started.
    pub(crate) runs: u8,
    /// Another pipeline that claims the same.
    pub(crate) rival: Rival,
}

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) actual: View,
    pub(crate) leader: Operator,
    /// One that leads no more and does not know it.
    pub(crate) former: Option<Operator>,
    pub(crate) outside: u32,
    /// What people may still do, and what may still go wrong.
    pub(crate) edits: u8,
    pub(crate) faults: u8,
}
