//! The workqueue, after client-go's: `add`, `add_after`, `get`, `done`, with two priorities.
//!
//! - A pipeline waits at most once. Adding it again while it waits only adds a trigger.
//! - A pipeline that is added while it is processed waits until [`done`](WorkQueue::done): no two reconciles of it
//!   overlap.
//! - An added pipeline becomes ready when it has not been added again for [`QUIET_PERIOD`], so that a burst of events
//!   is one reconcile.
//! - Ready pipelines of high priority come first. Of [`FAIRNESS`] pipelines one is of low priority, however many of high
//!   priority wait.
//! - No namespace delays another one by more than one pipeline: after a pipeline of one namespace comes one of another
//!   namespace, whatever its priority. Within a priority the namespaces alternate ([`FairQueue`]), and pipelines of one
//!   namespace keep the order in which they became ready.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::fair_queue::FairQueue;
use super::trigger::{Trigger, Triggers};
use crate::model::pipeline_key::PipelineKey;
use crate::runtime::metrics::Metrics;
use crate::runtime::sync::lock;

/// How long a pipeline has not been added again before it is ready.
const QUIET_PERIOD: Duration = Duration::from_millis(50);
/// Of so many pipelines that are processed one is of low priority.
const FAIRNESS: usize = 16;
/// The operator is under load when at least so many pipelines wait: as many as one namespace's reconciles run
/// concurrently.
const LOAD: usize = 16;

/// The priority of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// A new pipeline, or a ready one with new numbers: of many that are created at once the first become ready soon,
    /// instead of all of them late.
    Low,
    /// A pipeline in progress.
    High,
}

/// The pipelines that wait for a reconcile.
#[derive(Debug)]
pub(crate) struct WorkQueue {
    state: Mutex<State>,
    added: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct State {
    items: HashMap<PipelineKey, Item>,
    /// The delayed items, by the time when they become ready.
    delayed: BTreeSet<(Instant, PipelineKey)>,
    /// The ready items of each priority. One whose priority was raised is in both, and counts in the higher one alone.
    high: FairQueue,
    low: FairQueue,
    processing: HashSet<PipelineKey>,
    /// How many items were added, and do not only wait for their time.
    added: usize,
    /// How many of high priority have been processed since the last one of low priority.
    since_low: usize,
    /// The namespace of the last pipeline that was processed.
    last_namespace: Option<String>,
}

/// A pipeline that waits.
#[derive(Debug)]
struct Item {
    place: Place,
    priority: Priority,
    /// When it was added; `None` as long as it only waits for its time.
    added_at: Option<Instant>,
    triggers: Triggers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It becomes ready at this time.
    Delayed(Instant),
    Ready,
    /// It is ready as soon as it is not processed any more.
    Dirty,
}

impl WorkQueue {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), added: Notify::new(), metrics }
    }

    /// Has a pipeline reconciled.
    pub(crate) fn add(&self, pipeline: PipelineKey, priority: Priority, trigger: Trigger) {
        let mut state = lock(&self.state);
        if state.add(pipeline, priority, trigger, Instant::now()) {
            self.metrics.added();
        }
        self.metrics.depth(state.added);
        self.added.notify_one();
    }

    /// Has a pipeline reconciled when more events of the same cause are likely to have arrived. It is reconciled with
    /// them, or earlier when it is added meanwhile.
    pub(crate) fn add_after(&self, pipeline: PipelineKey, delay: Duration, trigger: Trigger) {
        lock(&self.state).delay(pipeline, Instant::now() + delay, Some(trigger));
        self.added.notify_one();
    }

    /// Has a pipeline reconciled after this time although nothing has changed, unless it is reconciled earlier.
    pub(crate) fn requeue_after(&self, pipeline: PipelineKey, delay: Duration) {
        let at = Instant::now().checked_add(delay).unwrap_or_else(far_future);
        lock(&self.state).delay(pipeline, at, None);
        self.added.notify_one();
    }

    /// Takes the next pipeline, and waits for one if none is ready. To be called by one task at a time.
    pub(crate) async fn get(&self) -> (PipelineKey, Triggers) {
        loop {
            let next_ready = {
                let (mut state, now) = (lock(&self.state), Instant::now());
                if let Some((pipeline, item)) = state.next(now) {
                    match item.added_at {
                        Some(at) => self.metrics.waited(at.elapsed().as_secs_f64()),
                        None => self.metrics.added(),
                    }
                    self.metrics.depth(state.added);
                    return (pipeline, item.triggers);
                }
                state.delayed.first().map_or_else(far_future, |(at, _)| *at)
            };
            tokio::select! {
                () = self.added.notified() => {}
                () = sleep_until(next_ready) => {}
            }
        }
    }

    /// Records that a pipeline is processed. One that was added meanwhile is ready.
    pub(crate) fn done(&self, pipeline: &PipelineKey) {
        lock(&self.state).done(pipeline);
        self.added.notify_one();
    }

    /// Whether more pipelines wait than are reconciled in a moment.
    pub(crate) fn is_under_load(&self) -> bool {
        lock(&self.state).added >= LOAD
    }
}

fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(86_400)
}

impl State {
    /// Returns whether the pipeline did not wait before, or only for its time.
    fn add(&mut self, pipeline: PipelineKey, priority: Priority, trigger: Trigger, now: Instant) -> bool {
        self.make_due_ready(now);
        let ready_at = now + QUIET_PERIOD;
        let item = self.items.entry(pipeline.clone()).or_insert_with(|| Item {
            place: Place::Delayed(ready_at),
            priority,
            added_at: None,
            triggers: Triggers::default(),
        });
        let is_new = item.added_at.is_none();
        // One that is ready stays where it is, at its priority.
        let is_requeued = is_new && item.triggers.as_slice().is_empty() && item.place != Place::Ready;
        item.triggers.add(trigger);
        if is_new {
            item.added_at = Some(now);
            self.added += 1;
        }
        let is_raised = priority > item.priority;
        if is_raised || is_requeued {
            item.priority = priority;
        }
        match item.place {
            Place::Delayed(before) => {
                item.place = Place::Delayed(ready_at);
                self.delayed.remove(&(before, pipeline.clone()));
                self.delayed.insert((ready_at, pipeline));
            }
            Place::Ready if is_raised => self.high.push_back(pipeline),
            Place::Ready | Place::Dirty => {}
        }
        is_new
    }

    /// Delays a pipeline that does not wait. One that waits longer is made ready earlier.
    fn delay(&mut self, pipeline: PipelineKey, at: Instant, trigger: Option<Trigger>) {
        let item = self.items.entry(pipeline.clone()).or_insert_with(|| Item {
            place: Place::Delayed(at),
            priority: Priority::High,
            added_at: None,
            triggers: Triggers::default(),
        });
        if let Some(trigger) = trigger {
            item.triggers.add(trigger);
        }
        if let Place::Delayed(before) = item.place {
            let at = at.min(before);
            item.place = Place::Delayed(at);
            self.delayed.remove(&(before, pipeline.clone()));
            self.delayed.insert((at, pipeline));
        }
    }

    fn next(&mut self, now: Instant) -> Option<(PipelineKey, Item)> {
        self.make_due_ready(now);
        let is_low_due = self.since_low >= FAIRNESS - 1;
        let first = if is_low_due { Priority::Low } else { Priority::High };
        let second = if is_low_due { Priority::High } else { Priority::Low };
        let last = self.last_namespace.take();
        let mut order =
            [(first, last.as_deref()), (second, last.as_deref()), (first, None), (second, None)].into_iter();
        let pipeline = order.find_map(|(priority, except)| self.pop(priority, except))?;
        let item = self.items.remove(&pipeline)?;
        self.added -= usize::from(item.added_at.is_some());
        self.since_low = match item.priority {
            Priority::High => self.since_low + 1,
            Priority::Low => 0,
        };
        self.processing.insert(pipeline.clone());
        self.last_namespace = Some(pipeline.namespace.clone());
        Some((pipeline, item))
    }

    fn pop(&mut self, priority: Priority, except: Option<&str>) -> Option<PipelineKey> {
        let ready = match priority {
            Priority::High => &mut self.high,
            Priority::Low => &mut self.low,
        };
        while let Some(pipeline) = ready.pop_front_except(except) {
            let is_it = |item: &Item| item.place == Place::Ready && item.priority == priority;
            if self.items.get(&pipeline).is_some_and(is_it) {
                return Some(pipeline);
            }
        }
        None
    }

    fn make_due_ready(&mut self, now: Instant) {
        while self.delayed.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, pipeline)) = self.delayed.pop_first() {
                self.make_ready(pipeline);
            }
        }
    }

    fn make_ready(&mut self, pipeline: PipelineKey) {
        let Some(item) = self.items.get_mut(&pipeline) else { return };
        if self.processing.contains(&pipeline) {
            item.place = Place::Dirty;
            return;
        }
        item.place = Place::Ready;
        match item.priority {
            Priority::High => self.high.push_back(pipeline),
            Priority::Low => self.low.push_back(pipeline),
        }
    }

    fn done(&mut self, pipeline: &PipelineKey) {
        self.processing.remove(pipeline);
        if self.items.get(pipeline).is_some_and(|item| item.place == Place::Dirty) {
            self.make_ready(pipeline.clone());
        }
    }
}

#[cfg(test)]
mod tests;
