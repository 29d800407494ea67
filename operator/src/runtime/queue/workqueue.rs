//! The queues of pipelines to look at: one for each scope, and a way into all of them, because what happens in one namespace
//! can concern a pipeline of another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use crate::diff::expectations::ObjectKey;
use crate::model::pipeline_key::PipelineKey;
use crate::runtime::metrics::Metrics;
use crate::runtime::reconcile_state::lock;

/// Why a pipeline is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Only a look tells what is new.
    Changed,
    /// A watch has shown this version of something that is the pipeline's.
    Observed(ObjectKey, String),
}

/// More causes than this, which are more than a pipeline has objects, are not told apart.
const MOST_CAUSES: usize = 32;

/// How many concerned pipelines wait to be queued before the watches wait too.
const QUEUE: usize = 1024;

/// How long news that more is likely to follow waits for it, so that the pipeline is looked at once: of a pod that comes up first
/// the pod is heard, then its owner, and then its worker.
const UNHURRIED: Duration = Duration::from_secs(2);

/// When so many wait, the queue is long: pipelines that are on their way come before those that are new and those that are ready,
/// and how far each is on it is not worth a write. Whoever can wait is queued while it is shorter, and rests in it for
/// [`DEBOUNCE`](crate::runtime::controller::DEBOUNCE): with fewer, too few would come through in a second, however idle the operator.
const LONG: usize = crate::runtime::controller::CONCURRENCY as usize;
/// Of so many turns one is a patient one's, however many others wait.
const TURNS: usize = 16;

/// The queues.
#[derive(Debug)]
pub(crate) struct Queues {
    /// The ways into them, by the namespace of their scope; None: all namespaces.
    ways: HashMap<Option<String>, Sender<PipelineKey>>,
    waiting: Mutex<Waiting>,
    metrics: Arc<Metrics>,
}

/// Who waits. Whoever is sent again while waiting is looked at once.
#[derive(Debug, Default)]
struct Waiting {
    all: HashMap<PipelineKey, Waits>,
    /// How many of them are queued.
    queued: usize,
    /// Who is queued when the queue is short again, the first first. Some may have been queued since for something else.
    patient: VecDeque<PipelineKey>,
    /// How many of them wait for that.
    held: usize,
    /// How many turns there were since one of them was queued.
    turns: usize,
}

#[derive(Debug, Default)]
struct Waits {
    /// Since when it waits for its turn; `None` while it waits for what may follow.
    since: Option<Instant>,
    /// Whether it is not queued before the queue is short.
    is_held: bool,
    causes: Vec<Trigger>,
}

impl Waiting {
    fn is_long(&self) -> bool {
        self.queued >= LONG
    }

    /// Notes that a pipeline waits for its turn, and whether before the queue. Says whether it has not waited until now.
    fn waits(&mut self, pipeline: &PipelineKey, is_held: bool) -> bool {
        let waits = self.all.entry(pipeline.clone()).or_default();
        let is_new = waits.since.is_none();
        if is_new {
            waits.since = Some(Instant::now());
            waits.is_held = is_held;
            *(if is_held { &mut self.held } else { &mut self.queued }) += 1;
        } else if waits.is_held && !is_held {
            waits.is_held = false;
            self.held -= 1;
            self.queued += 1;
        }
        is_new
    }

    fn remove(&mut self, pipeline: &PipelineKey) -> Option<Waits> {
        let removed = self.all.remove(pipeline)?;
        if removed.since.is_some() {
            *(if removed.is_held { &mut self.held } else { &mut self.queued }) -= 1;
        }
        Some(removed)
    }

    /// Which patient one has its turn to be queued.
    fn next_patient(&mut self) -> Option<PipelineKey> {
        if self.is_long() && self.turns < TURNS {
            return None;
        }
        while let Some(next) = self.patient.front() {
            if self.all.get(next).is_some_and(|waits| waits.is_held) {
                return Some(next.clone());
            }
            self.patient.pop_front();
        }
        None
    }

    /// The next patient one is queued.
    fn queues_patient(&mut self, next: &PipelineKey) {
        self.patient.pop_front();
        self.turns = 0;
        self.waits(next, false);
    }
}

/// A scope, and what comes out of its queue.
type Queued = (Option<String>, Receiver<PipelineKey>);

impl Queues {
    /// A queue for each scope, and the other ends of them.
    pub(crate) fn of(scopes: Vec<Option<String>>, metrics: Arc<Metrics>) -> (Self, Vec<Queued>) {
        let (mut ways, mut receivers) = (HashMap::new(), Vec::new());
        for scope in scopes {
            let (sender, receiver) = channel(QUEUE);
            ways.insert(scope.clone(), sender);
            receivers.push((scope, receiver));
        }
        (Self { ways, waiting: Mutex::default(), metrics }, receivers)
    }

    /// Has a pipeline looked at by the scope that knows it.
    pub(crate) async fn send(&self, pipeline: PipelineKey, cause: Trigger) {
        if let Some(way) = self.way(&pipeline) {
            self.note(&pipeline, cause);
            self.queue(way, pipeline).await;
        }
    }

    /// The same of one that can wait for those that are on their way, because it is new or because there are only numbers of it:
    /// so of many that are created at once the first are ready soon, and none is started only to wait.
    pub(crate) async fn send_patient(&self, pipeline: PipelineKey, cause: Trigger) {
        let Some(way) = self.way(&pipeline) else { return };
        self.note(&pipeline, cause);
        let is_held = {
            let mut waiting = lock(&self.waiting);
            let is_held = waiting.is_long();
            if is_held && waiting.waits(&pipeline, true) {
                waiting.patient.push_back(pipeline.clone());
                self.added(&waiting);
            }
            is_held
        };
        if !is_held {
            self.queue(way, pipeline).await;
        }
    }

    /// Whether more wait than are looked at in a moment.
    pub(crate) fn are_long(&self) -> bool {
        let waiting = lock(&self.waiting);
        waiting.is_long() || waiting.held > 0
    }

    /// The same because of news that more is likely to follow.
    pub(crate) fn send_unhurried(self: &Arc<Self>, pipeline: PipelineKey) {
        if self.way(&pipeline).is_none() {
            return;
        }
        self.note(&pipeline, Trigger::Changed);
        let queues = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(UNHURRIED).await;
            // It may have been looked at since, for something else.
            let waits = lock(&queues.waiting).all.contains_key(&pipeline);
            if let Some(way) = queues.way(&pipeline).filter(|_| waits) {
                queues.queue(way, pipeline).await;
            }
        });
    }

    fn way(&self, pipeline: &PipelineKey) -> Option<&Sender<PipelineKey>> {
        self.ways.get(&Some(pipeline.namespace.clone())).or_else(|| self.ways.get(&None))
    }

    fn note(&self, pipeline: &PipelineKey, cause: Trigger) {
        let mut waiting = lock(&self.waiting);
        let causes = &mut waiting.all.entry(pipeline.clone()).or_default().causes;
        if causes.len() == MOST_CAUSES {
            causes.clear();
            causes.push(Trigger::Changed);
        } else if !causes.contains(&cause) {
            causes.push(cause);
        }
    }

    async fn queue(&self, way: &Sender<PipelineKey>, pipeline: PipelineKey) {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.waits(&pipeline, false) {
                self.added(&waiting);
            }
        }
        // The receiver is gone only when the process is.
        let _ = way.send(pipeline).await;
    }

    /// A pipeline's turn has come, for these causes. One that nobody has queued has waited for its time and not for its turn.
    pub(crate) fn took(&self, pipeline: &PipelineKey) -> Vec<Trigger> {
        let waited = self.remove(pipeline).unwrap_or_default();
        match waited.since {
            Some(since) => self.metrics.waited(since.elapsed().as_secs_f64()),
            None => self.metrics.added(),
        }
        waited.causes
    }

    /// A pipeline's turn has come, and it is no more.
    pub(crate) fn dropped(&self, pipeline: &PipelineKey) {
        self.remove(pipeline);
    }

    /// A turn is over; the next of the patient is queued.
    fn remove(&self, pipeline: &PipelineKey) -> Option<Waits> {
        let mut waiting = lock(&self.waiting);
        waiting.turns += 1;
        let removed = waiting.remove(pipeline);
        while let Some(next) = waiting.next_patient() {
            // Without room it stays the next.
            if self.way(&next).is_some_and(|way| way.try_send(next.clone()).is_err()) {
                break;
            }
            waiting.queues_patient(&next);
        }
        self.metrics.waiting(waiting.queued + waiting.held);
        removed
    }

    fn added(&self, waiting: &Waiting) {
        self.metrics.added();
        self.metrics.waiting(waiting.queued + waiting.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str) -> PipelineKey {
        PipelineKey { namespace: namespace.to_owned(), name: "users".to_owned() }
    }

    #[tokio::test]
    async fn a_pipeline_goes_to_the_queue_of_its_own_namespace() {
        let (queues, receivers) =
            Queues::of(vec![Some("a".to_owned()), Some("b".to_owned())], Arc::default());
        for namespace in ["b", "a", "elsewhere"] {
            queues.send(key(namespace), Trigger::Changed).await;
        }
        drop(queues);
        for (scope, mut receiver) in receivers {
            let namespace = scope.unwrap();
            assert_eq!(receiver.recv().await, Some(key(&namespace)));
            assert_eq!(receiver.recv().await, None);
        }
    }

    #[tokio::test]
    async fn where_all_namespaces_are_one_scope_they_have_one_queue() {
        let (queues, receivers) = Queues::of(vec![None], Arc::default());
        queues.send(key("a"), Trigger::Changed).await;
        queues.send(key("b"), Trigger::Changed).await;
        for (_, mut receiver) in receivers {
            assert_eq!((receiver.recv().await, receiver.recv().await), (Some(key("a")), Some(key("b"))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_sent_while_waiting_waits_once_and_since_the_first_time() {
        let metrics = Arc::<Metrics>::default();
        let (queues, _receivers) = Queues::of(vec![None], metrics.clone());
        let says = |line: &str| {
            let text = metrics.encode().unwrap();
            let labels = r#"{name="userstreampipeline",controller="userstreampipeline"}"#;
            let line = line.replacen(' ', &format!("{labels} "), 1);
            assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
        };
        says("workqueue_depth 0");
        queues.send(key("a"), Trigger::Changed).await;
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        queues.send(key("a"), Trigger::Changed).await;
        queues.send(key("gone"), Trigger::Changed).await;
        says("workqueue_depth 2");
        queues.took(&key("a"));
        queues.dropped(&key("gone"));
        says("workqueue_depth 0");
        says("workqueue_adds_total 2");
        says("workqueue_queue_duration_seconds_sum 2.0");
        says("workqueue_queue_duration_seconds_count 1");
        queues.took(&key("a"));
        says("workqueue_adds_total 3");
        says("workqueue_queue_duration_seconds_count 1");
    }

    #[tokio::test]
    async fn whoever_is_sent_while_waiting_is_looked_at_for_all_that_was_shown() {
        let (queues, _receivers) = Queues::of(vec![None], Arc::default());
        let shown = |version: &str| Trigger::Observed(ObjectKey::Pipeline, version.to_owned());
        for version in ["4", "5", "4"] {
            queues.send(key("a"), shown(version)).await;
        }
        assert_eq!(
            queues.took(&key("a")),
            [shown("4"), shown("5")],
            "the later version does not hide the former"
        );
        assert_eq!(queues.took(&key("a")), [], "it has come for its time");
        for version in 0..=MOST_CAUSES {
            queues.send(key("a"), shown(&version.to_string())).await;
        }
        assert_eq!(queues.took(&key("a")), [Trigger::Changed]);
    }

    /// All that the queue has, each at its turn.
    fn drain(queues: &Queues, receiver: &mut Receiver<PipelineKey>) -> Vec<String> {
        let mut turns = Vec::new();
        while let Ok(next) = receiver.try_recv() {
            queues.took(&next);
            turns.push(next.namespace);
        }
        turns
    }

    #[tokio::test]
    async fn while_the_queue_is_long_those_on_their_way_come_before_those_that_can_wait() {
        let (queues, mut receivers) = Queues::of(vec![None], Arc::default());
        let names = |prefix: &str, count: usize| -> Vec<String> {
            (0..count).map(|number| format!("{prefix}-{number}")).collect()
        };
        for name in names("first", 3) {
            queues.send_patient(key(&name), Trigger::Changed).await;
        }
        assert!(!queues.are_long());
        let (news, new) = (names("news", LONG), names("new", 20));
        for name in &news {
            queues.send(key(name), Trigger::Changed).await;
        }
        for name in new.iter().chain(&new) {
            queues.send_patient(key(name), Trigger::Changed).await;
        }
        queues.send(key("new-1"), Trigger::Changed).await;
        assert!(queues.are_long());
        let turns = drain(&queues, &mut receivers[0].1);
        let others = new.iter().filter(|name| *name != "new-1").cloned();
        let wanted: Vec<String> =
            names("first", 3).into_iter().chain(news).chain(["new-1".to_owned()]).chain(others).collect();
        assert_eq!(turns, wanted, "one for whom there are news has its turn with them, and each has one");
        assert!(!queues.are_long());
    }

    #[tokio::test]
    async fn whoever_can_wait_has_a_turn_also_when_the_queue_is_never_short() {
        let (queues, mut receivers) = Queues::of(vec![None], Arc::default());
        for number in 0..2 * LONG {
            queues.send(key(&format!("news-{number}")), Trigger::Changed).await;
        }
        for name in ["new-1", "new-2"] {
            queues.send_patient(key(name), Trigger::Changed).await;
        }
        let mut began = Vec::new();
        for turn in 0..2 * LONG + 3 * TURNS {
            let next = receivers[0].1.recv().await.unwrap();
            queues.took(&next);
            if next.namespace.starts_with("new-") {
                began.push((turn, next.namespace));
            } else {
                queues.send(next, Trigger::Changed).await;
            }
        }
        let names: Vec<&str> = began.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["new-1", "new-2"], "{began:?}");
        assert!(queues.are_long());
    }

    #[tokio::test]
    async fn whoever_there_is_no_room_for_is_queued_when_there_is() {
        let (queues, mut receivers) = Queues::of(vec![None], Arc::default());
        for number in 0..QUEUE {
            queues.send(key(&format!("news-{number}")), Trigger::Changed).await;
        }
        queues.send_patient(key("new"), Trigger::Changed).await;
        for number in 0..TURNS {
            queues.dropped(&key(&format!("gone-{number}")));
        }
        let turns = drain(&queues, &mut receivers[0].1);
        assert_eq!((turns.len(), turns.iter().filter(|name| *name == "new").count()), (QUEUE + 1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn news_that_more_follows_waits_for_it_and_is_looked_at_with_it() {
        let (queues, mut receivers) = Queues::of(vec![None], Arc::default());
        let (queues, receiver) = (Arc::new(queues), &mut receivers[0].1);
        let began = Instant::now();
        queues.send_unhurried(key("a"));
        assert_eq!(receiver.recv().await, Some(key("a")));
        assert_eq!((began.elapsed(), queues.took(&key("a"))), (UNHURRIED, vec![Trigger::Changed]));

        let shown = Trigger::Observed(ObjectKey::Pipeline, "4".to_owned());
        queues.send_unhurried(key("a"));
        queues.send(key("a"), shown.clone()).await;
        assert_eq!(receiver.recv().await, Some(key("a")));
        assert_eq!(queues.took(&key("a")), [Trigger::Changed, shown], "what follows is not kept waiting");
        tokio::time::advance(2 * UNHURRIED).await;
        tokio::task::yield_now().await;
        assert!(receiver.try_recv().is_err(), "it was looked at");
    }
}
