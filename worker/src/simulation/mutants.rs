//! Mutants: mistakes in the delivery code that the simulation must find.
//!
//! A mutant wraps the seams of one process, so that the loops behave as if they had the mistake. Production code
//! contains none of it. Without a mutant, the wrappers change nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::broker::{DEAD_LETTERS, TOPIC};
use crate::delivery::dead_letter::RecordError;
use crate::log::{AppendError, Commit, Consumer, Event, LogError, Producer, Progress, SourcePosition};
use crate::loops::process::{Decode, Decoded};
use crate::record::{AsRow, Record, RecordRow};
use crate::runtime::clock::Clock;
use crate::source::{Page, Source, SourceError};
use crate::table::{Table, WriteError};

/// A mistake in the delivery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// An offset is stored when its record is read.
    CommitBeforeWrite,
    /// An offset is stored when its row is acknowledged, whether or not the rows before it are.
    CommitPastUnfinished,
    /// An acknowledgement from before a rebalance counts after it.
    AcceptAckOfOldAssignment,
    /// The source's position is saved before its records are acknowledged.
    SavePositionBeforeAcks,
    /// A dead letter counts as appended before it is acknowledged.
    DeadLetterNotAwaited,
    /// A row that the table rejects counts as written.
    RejectedRowForgotten,
    /// A row whose write failed counts as written.
    UnavailableCountsAsWritten,
    /// Rows are written with the time of day instead of the record's.
    WriteTimeFromClock,
    /// Two versions within one millisecond get the same write time.
    WriteTimeWithoutOffset,
    /// An append whose reply was lost counts as acknowledged.
    LostAppendReplyCountsAsDone,
}

/// The mutant of one process, and the state that its wrappers share.
#[derive(Clone)]
pub(super) struct Injection {
    mutant: Option<Mutant>,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    /// How often each partition was assigned.
    epochs: BTreeMap<i32, u64>,
    /// Offsets to store that the loop did not ask for.
    injected: BTreeMap<i32, i64>,
    /// The offsets that were stored last.
    stored: BTreeMap<i32, i64>,
    /// The position of the last page, until it is saved.
    position: Option<SourcePosition>,
}

impl Injection {
    pub(super) fn new(mutant: Option<Mutant>) -> Self {
        Self { mutant, state: Rc::default() }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn epoch(&self, partition: i32) -> u64 {
        self.state.borrow().epochs.get(&partition).copied().unwrap_or_default()
    }

    fn inject(&self, partition: i32, offset: i64) {
        let mut state = self.state.borrow_mut();
        let injected = state.injected.entry(partition).or_insert(offset);
        *injected = offset.max(*injected);
    }
}

/// A consumer that may store offsets too early.
pub(super) struct MutantConsumer<C> {
    pub(super) inner: C,
    pub(super) injection: Injection,
}

impl<C: Consumer> MutantConsumer<C> {
    fn store_injected(&mut self) {
        let injected = std::mem::take(&mut self.injection.state.borrow_mut().injected);
        for (partition, offset) in injected {
            self.store_higher(partition, Commit::up_to(offset));
        }
    }

    /// Stores an offset unless a higher one is stored: a mutant moves commits forward only.
    fn store_higher(&mut self, partition: i32, commit: Commit) {
        let offset = commit.offset;
        let stored = self.injection.state.borrow_mut().stored.insert(partition, offset);
        match stored.filter(|stored| *stored > offset) {
            Some(stored) => drop(self.injection.state.borrow_mut().stored.insert(partition, stored)),
            None => self.inner.store(partition, commit),
        }
    }
}

impl<C: Consumer> Consumer for MutantConsumer<C> {
    async fn poll(&mut self, events: &mut Vec<Event>, max: usize) -> Result<(), LogError> {
        let before = events.len();
        let polled = self.inner.poll(events, max).await;
        for event in events.iter().skip(before) {
            match event {
                Event::Assigned(assigned) => {
                    let mut state = self.injection.state.borrow_mut();
                    for assigned in assigned {
                        *state.epochs.entry(assigned.partition).or_default() += 1;
                        state.injected.remove(&assigned.partition);
                        state.stored.remove(&assigned.partition);
                    }
                }
                Event::Record(record) if self.injection.is(Mutant::CommitBeforeWrite) => {
                    self.injection.inject(record.partition, record.offset + 1);
                }
                Event::Record(_) | Event::Revoked(_) => {}
            }
        }
        self.store_injected();
        polled
    }

    fn store(&mut self, partition: i32, commit: Commit) {
        self.store_injected();
        if !self.injection.is(Mutant::CommitBeforeWrite) {
            self.store_higher(partition, commit);
        }
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        self.store_injected();
        self.inner.commit().await
    }

    fn pause(&mut self) -> Result<(), LogError> {
        self.inner.pause()
    }

    fn resume(&mut self) -> Result<(), LogError> {
        self.inner.resume()
    }

    fn progress(&self) -> Vec<Progress> {
        self.inner.progress()
    }

    fn partitions(&self) -> Option<u32> {
        self.inner.partitions()
    }

    async fn close(mut self) -> Result<(), LogError> {
        self.store_injected();
        self.inner.close().await
    }
}

/// A table whose answers the loop may misread.
pub(super) struct MutantTable<T> {
    pub(super) inner: T,
    pub(super) injection: Injection,
}

impl<T: Table> Table for MutantTable<T> {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        let origins = rows.iter().filter_map(|row| row.as_row().origin);
        let written: Vec<(i32, i64, u64)> = origins
            .map(|origin| (origin.partition, origin.offset, self.injection.epoch(origin.partition)))
            .collect();
        let result = self.inner.write(rows).await;
        match (self.injection.mutant, &result) {
            (Some(Mutant::CommitPastUnfinished), Ok(())) => {
                for (partition, offset, _) in written {
                    self.injection.inject(partition, offset + 1);
                }
            }
            (Some(Mutant::AcceptAckOfOldAssignment), Ok(())) => {
                for (partition, offset, epoch) in written {
                    if self.injection.epoch(partition) != epoch {
                        self.injection.inject(partition, offset + 1);
                    }
                }
            }
            (Some(Mutant::RejectedRowForgotten), Err(WriteError::Rejected { .. }))
            | (Some(Mutant::UnavailableCountsAsWritten), Err(WriteError::Unavailable { .. })) => {
                return Ok(());
            }
            _ => {}
        }
        result
    }
}

/// A producer whose answers the loop may misread.
pub(super) struct MutantProducer<P> {
    pub(super) inner: P,
    pub(super) injection: Injection,
}

impl<P: Producer + Clone + 'static> Producer for MutantProducer<P> {
    async fn append(&self, topic: &str, records: &[Record]) -> Result<(), AppendError> {
        if topic == TOPIC && self.injection.is(Mutant::SavePositionBeforeAcks) {
            let position = self.injection.state.borrow_mut().position.take();
            if let Some(position) = position {
                self.inner.save_position(&position).await?;
            }
        }
        if topic == DEAD_LETTERS && self.injection.is(Mutant::DeadLetterNotAwaited) {
            let (inner, topic, records) = (self.inner.clone(), topic.to_owned(), records.to_vec());
            tokio::task::spawn_local(async move { inner.append(&topic, &records).await });
            return Ok(());
        }
        match self.inner.append(topic, records).await {
            Err(AppendError::Log(_))
                if topic == TOPIC && self.injection.is(Mutant::LostAppendReplyCountsAsDone) =>
            {
                Ok(())
            }
            result => result,
        }
    }

    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> {
        self.inner.load_position().await
    }

    async fn save_position(&self, position: &SourcePosition) -> Result<(), LogError> {
        self.inner.save_position(position).await
    }
}

/// A source that shares the position of its last page with the producer.
pub(super) struct MutantSource<S> {
    pub(super) inner: S,
    pub(super) injection: Injection,
}

impl<S: Source> Source for MutantSource<S> {
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError> {
        self.inner.begin(position)
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        let page = self.inner.fetch().await?;
        self.injection.state.borrow_mut().position = page.as_ref().and_then(|page| page.position.clone());
        Ok(page)
    }
}

/// A decoder that may set the wrong write time.
pub(super) struct MutantDecode<D> {
    pub(super) inner: D,
    pub(super) injection: Injection,
    pub(super) clock: Clock,
}

impl<D: Decode> Decode for MutantDecode<D> {
    fn decode(&mut self, row: &mut RecordRow) -> Result<Decoded, RecordError> {
        let decoded = self.inner.decode(row)?;
        match self.injection.mutant {
            Some(Mutant::WriteTimeFromClock) => row.write_time = self.clock.now() * 1000,
            Some(Mutant::WriteTimeWithoutOffset) => row.write_time -= row.origin.offset.rem_euclid(1000),
            _ => {}
        }
        Ok(decoded)
    }
}
