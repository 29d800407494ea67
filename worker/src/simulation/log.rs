//! The log as one process sees it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::broker::{Broker, Committed, Membership};
use super::script::{Kind, parts, text_of};
use super::world::{Actor, World};
use crate::log::{
    AppendError, AssignedPartition, Commit, CommitMetadata, Consumer, Event, LogError, Producer, Progress,
    Rejection, RejectionReason, SourcePosition,
};
use crate::record::Record;

fn fault() -> LogError {
    LogError::Unavailable { cause: "simulated", source: "a fault of the schedule".into() }
}

#[derive(Clone)]
pub(super) struct SimulatedProducer {
    pub(super) broker: Rc<RefCell<Broker>>,
    pub(super) world: World,
    pub(super) actor: Actor,
}

impl Producer for SimulatedProducer {
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError> {
        // A dead letter keeps the value of its record, so only the topic of records has the limit.
        let too_large = |record: &Record| {
            topic == super::broker::TOPIC && parts(text_of(record.value())).kind == Kind::TooLarge
        };
        let rejections: Vec<Rejection> = (records.iter().enumerate())
            .filter(|(_, record)| too_large(record))
            .map(|(index, _)| Rejection { index, reason: RejectionReason::TooLarge })
            .collect();
        let mut taken: Vec<Record> = records.iter().filter(|record| !too_large(record)).cloned().collect();
        if !self.world.is_faultless() && self.world.up_to(1000) < self.world.plan().faults {
            // A part of the batch may be appended before the fault.
            taken.truncate(self.world.up_to(taken.len() as u64 + 1) as usize);
            let (broker, topic) = (self.broker.clone(), topic.to_owned());
            self.world.request(&self.actor, "append in part", move || append(&broker, &topic, &taken)).await;
            return Err(fault().into());
        }
        let (broker, topic) = (self.broker.clone(), topic.to_owned());
        let answered =
            self.world.request(&self.actor, "append", move || append(&broker, &topic, &taken)).await;
        match answered {
            None => Err(fault().into()),
            Some(()) if rejections.is_empty() => Ok(()),
            Some(()) => Err(AppendError::Rejected(rejections)),
        }
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        let broker = self.broker.clone();
        let loaded = self.world.request(&self.actor, "load", move || broker.borrow().position.clone()).await;
        loaded.map(|position| position.map(SourcePosition)).ok_or_else(fault)
    }

    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError> {
        let (broker, position) = (self.broker.clone(), position.0.clone());
        let save = move || broker.borrow_mut().position = Some(position);
        self.world.request(&self.actor, "save", save).await.ok_or_else(fault)
    }
}

fn append(broker: &RefCell<Broker>, topic: &str, records: &[Record]) {
    for record in records {
        broker.borrow_mut().append(topic, record);
    }
}

pub(super) struct SimulatedConsumer {
    broker: Rc<RefCell<Broker>>,
    world: World,
    actor: Actor,
    member: Rc<Cell<u64>>,
    generation: u64,
    /// The offset to read next, for each assigned partition.
    next: BTreeMap<i32, i64>,
    /// The metadata of each assigned partition, committed with every offset.
    metadata: BTreeMap<i32, CommitMetadata>,
    stored: BTreeMap<i32, Committed>,
    paused: bool,
}

impl SimulatedConsumer {
    /// Joins the group. Sets `member` to its id, so that a killed member can be removed.
    pub(super) fn join(
        broker: Rc<RefCell<Broker>>,
        world: World,
        actor: Actor,
        member: Rc<Cell<u64>>,
    ) -> Self {
        member.set(broker.borrow_mut().join());
        Self {
            broker,
            world,
            actor,
            member,
            generation: 0,
            next: BTreeMap::new(),
            metadata: BTreeMap::new(),
            stored: BTreeMap::new(),
            paused: false,
        }
    }

    /// Revokes all partitions, after committing what is stored if that is still possible.
    fn revoke_all(&mut self, events: &mut Vec<Event>) {
        let reaches = self.world.is_faultless() || self.world.up_to(1000) >= self.world.plan().faults;
        if reaches && !self.stored.is_empty() {
            self.broker.borrow_mut().commit(self.member.get(), self.generation, &self.stored);
        }
        self.stored.clear();
        if !self.next.is_empty() {
            events.push(Event::Revoked(self.next.keys().copied().collect()));
            self.next.clear();
            self.metadata.clear();
        }
    }

    /// Follows the group through rebalances.
    fn follow_group(&mut self, events: &mut Vec<Event>) {
        let state = self.broker.borrow().membership(self.member.get());
        match state {
            Membership::Wait => {}
            Membership::Leave => {
                self.revoke_all(events);
                let mut broker = self.broker.borrow_mut();
                broker.rejoin(self.member.get());
                if matches!(broker.membership(self.member.get()), Membership::Leave) {
                    self.member.set(broker.join());
                }
            }
            Membership::Member { generation, partitions } if generation != self.generation => {
                self.revoke_all(events);
                self.generation = generation;
                let broker = self.broker.borrow();
                let mut assigned = Vec::new();
                for partition in partitions {
                    let Committed { offset, metadata } =
                        broker.committed.get(&partition).cloned().unwrap_or_default();
                    self.next.insert(partition, offset);
                    self.metadata.insert(partition, metadata.clone());
                    assigned.push(AssignedPartition { partition, metadata });
                }
                if !assigned.is_empty() {
                    events.push(Event::Assigned(assigned));
                }
            }
            Membership::Member { .. } => {}
        }
    }
}

impl Consumer for SimulatedConsumer {
    async fn poll(&mut self, events: &mut Vec<Event>, max: usize) -> Result<(), LogError> {
        loop {
            self.world.step(&self.actor, "poll").await;
            let pause = 1 + self.world.up_to(self.world.plan().latency + 1);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if !self.world.is_faultless() && self.world.up_to(2000) < self.world.plan().faults {
                return Err(fault());
            }
            self.follow_group(events);
            if !self.paused {
                let broker = self.broker.borrow();
                let take = 1 + self.world.up_to(max as u64) as usize;
                for (partition, next) in &mut self.next {
                    let left = take.saturating_sub(events.len());
                    for record in
                        broker.partitions[*partition as usize].iter().skip(*next as usize).take(left)
                    {
                        events.push(Event::Record(record.clone()));
                        *next = record.offset + 1;
                    }
                }
            }
            if !events.is_empty() {
                return Ok(());
            }
        }
    }

    fn store(&mut self, partition: i32, Commit { offset, metadata }: Commit) {
        // As in the Kafka adapter, all that counts is whether the partition is assigned.
        if !self.next.contains_key(&partition) {
            return;
        }
        let kept = self.metadata.entry(partition).or_default();
        *kept = metadata.unwrap_or_else(|| kept.clone());
        self.stored.insert(partition, Committed { offset, metadata: kept.clone() });
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        let (broker, stored) = (self.broker.clone(), self.stored.clone());
        let (member, generation) = (self.member.get(), self.generation);
        let commit = move || broker.borrow_mut().commit(member, generation, &stored);
        match self.world.request(&self.actor, "commit", commit).await {
            Some(true) => Ok(()),
            _ => Err(fault()),
        }
    }

    fn pause(&mut self) -> Result<(), LogError> {
        self.paused = true;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), LogError> {
        self.paused = false;
        Ok(())
    }

    fn progress(&self) -> Vec<Progress> {
        let broker = self.broker.borrow();
        let progress = |(partition, next): (&i32, &i64)| Progress {
            partition: *partition,
            position: *next,
            committed: broker.committed.get(partition).map(|commit| commit.offset),
            high_watermark: Some(broker.partitions[*partition as usize].len() as i64),
        };
        self.next.iter().map(progress).collect()
    }

    fn partitions(&self) -> Option<u32> {
        u32::try_from(self.broker.borrow().partitions.len()).ok()
    }

    async fn close(mut self) -> Result<(), LogError> {
        let committed = self.commit().await;
        self.broker.borrow_mut().remove(self.member.get());
        committed
    }
}
