//! A log in memory with one consumer group, as strict as Kafka and no stricter.
//!
//! The broker accepts a commit of any member of the current generation, also for a partition that another member owns.
//! So the worker must not commit beyond its own assignment. Every commit is checked: everything below it must be done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::plan::Plan;
use super::script::{Kind, parts, text_of};
use super::table::Contents;
use super::world::World;
use crate::log::CommitMetadata;
use crate::record::{LogRecord, Record};

/// The topic of records.
pub(super) const TOPIC: &str = "records";
/// The topic of dead letters.
pub(super) const DEAD_LETTERS: &str = "records.dlq";

/// One member of the group.
#[derive(Debug, Default)]
struct Member {
    /// The generation it belongs to; 0 before its first.
    generation: u64,
    /// Whether it has rejoined for the rebalance in progress.
    rejoined: bool,
}

/// A commit of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) offset: i64,
    pub(super) metadata: CommitMetadata,
}

/// The topic, the dead letters, the source's position and the group.
pub(super) struct Broker {
    pub(super) partitions: Vec<Vec<LogRecord>>,
    pub(super) letters: Vec<Record>,
    pub(super) position: Option<String>,
    members: BTreeMap<u64, Member>,
    owners: BTreeMap<i32, u64>,
    generation: u64,
    rebalancing: bool,
    pub(super) committed: BTreeMap<i32, Committed>,
    next_member: u64,
    table: Rc<RefCell<Contents>>,
    world: World,
}

/// The state of a member in its group.
pub(super) enum Membership {
    /// The group does not know it, or a rebalance started: it must revoke its partitions and rejoin.
    Leave,
    /// It rejoined and waits for the new generation.
    Wait,
    /// It belongs to this generation, with these partitions.
    Member { generation: u64, partitions: Vec<i32> },
}

impl Broker {
    pub(super) fn new(plan: &Plan, table: Rc<RefCell<Contents>>, world: World) -> Self {
        Self {
            partitions: vec![Vec::new(); usize::try_from(plan.partitions).unwrap()],
            letters: Vec::new(),
            position: None,
            members: BTreeMap::new(),
            owners: BTreeMap::new(),
            generation: 0,
            rebalancing: false,
            committed: BTreeMap::new(),
            next_member: 0,
            table,
            world,
        }
    }

    pub(super) fn append(&mut self, topic: &str, record: &Record) {
        if topic == DEAD_LETTERS {
            self.letters.push(record.clone());
            return;
        }
        let key: u64 = record.key().unwrap().iter().map(|byte| u64::from(*byte)).sum();
        let count = self.partitions.len() as u64;
        let partition = &mut self.partitions[(key % count) as usize];
        let offset = partition.len() as i64;
        partition.push(LogRecord { partition: (key % count) as i32, offset, record: record.clone() });
    }

    pub(super) fn join(&mut self) -> u64 {
        self.next_member += 1;
        self.members.insert(self.next_member, Member { generation: 0, rejoined: true });
        self.rebalance();
        self.next_member
    }

    /// Removes a member that left, or whose session timed out.
    pub(super) fn remove(&mut self, member: u64) {
        if self.members.remove(&member).is_some() {
            self.rebalance();
        }
    }

    /// Starts a rebalance: each member must revoke its partitions and rejoin.
    pub(super) fn rebalance(&mut self) {
        self.rebalancing = true;
        for member in self.members.values_mut() {
            member.rejoined = member.rejoined && member.generation == 0;
        }
        self.complete_rebalance();
    }

    /// Removes members that have not rejoined.
    pub(super) fn end_rebalance(&mut self) {
        if self.rebalancing {
            self.members.retain(|_, member| member.rejoined);
            self.complete_rebalance();
        }
    }

    pub(super) fn rejoin(&mut self, member: u64) {
        if let Some(member) = self.members.get_mut(&member) {
            member.rejoined = true;
            self.complete_rebalance();
        }
    }

    fn complete_rebalance(&mut self) {
        if !self.members.values().all(|member| member.rejoined) {
            return;
        }
        self.rebalancing = false;
        self.generation += 1;
        self.owners.clear();
        let ids: Vec<u64> = self.members.keys().copied().collect();
        for member in self.members.values_mut() {
            member.generation = self.generation;
            member.rejoined = false;
        }
        for partition in 0..self.partitions.len() as i32 {
            if let Some(owner) = ids.get(self.world.up_to(ids.len() as u64) as usize) {
                self.owners.insert(partition, *owner);
            }
        }
        self.world.note(("generation", self.generation));
    }

    pub(super) fn membership(&self, id: u64) -> Membership {
        let Some(member) = self.members.get(&id) else { return Membership::Leave };
        match (self.rebalancing, member.rejoined) {
            (true, true) => Membership::Wait,
            (true, false) => Membership::Leave,
            (false, _) => Membership::Member {
                generation: member.generation,
                partitions: self.owners.iter().filter(|(_, owner)| **owner == id).map(|(p, _)| *p).collect(),
            },
        }
    }

    /// Commits for a member of this generation. False: the generation has ended.
    pub(super) fn commit(
        &mut self,
        member: u64,
        generation: u64,
        commits: &BTreeMap<i32, Committed>,
    ) -> bool {
        let known = self.members.get(&member).is_some_and(|known| known.generation == generation);
        // During a rebalance the coordinator still accepts commits of the ending generation.
        if !known || generation != self.generation {
            return false;
        }
        for (partition, commit) in commits {
            self.check_commit(*partition, commit.offset);
            self.committed.insert(*partition, commit.clone());
        }
        true
    }

    /// Checks that everything below a committed offset is written, filtered, or a dead letter.
    fn check_commit(&self, partition: i32, offset: i64) {
        let (records, table) = (&self.partitions[partition as usize], self.table.borrow());
        let from = self.committed_offset(partition);
        for record in records.iter().take(offset as usize).skip(from as usize) {
            let text = text_of(record.record.value());
            let done = match parts(text).kind {
                Kind::Filtered => true,
                Kind::Good => table.applied.contains(&(partition, record.offset)),
                _ => self.letters.iter().any(|letter| letter.value() == record.record.value()),
            };
            if !done {
                let what = format!(
                    "commit of {partition}@{offset} passes {} which is not done: {text}",
                    record.offset
                );
                self.world.violation(what);
            }
        }
    }

    pub(super) fn committed_offset(&self, partition: i32) -> i64 {
        self.committed.get(&partition).map_or(0, |commit| commit.offset)
    }

    /// Whether every record is committed.
    pub(super) fn all_committed(&self) -> bool {
        self.partitions
            .iter()
            .enumerate()
            .all(|(partition, records)| self.committed_offset(partition as i32) == records.len() as i64)
    }

    /// The texts of all records in the topic.
    pub(super) fn texts(&self) -> BTreeSet<&str> {
        self.partitions.iter().flatten().map(|record| text_of(record.record.value())).collect()
    }
}
