use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::diff::expectations::ObjectKey;

fn key(name: &str) -> PipelineKey {
    PipelineKey { namespace: "demo".to_owned(), name: name.to_owned() }
}

fn queue() -> WorkQueue {
    WorkQueue::new(Arc::default())
}

fn add(queue: &WorkQueue, name: &str, priority: Priority) {
    queue.add(key(name), priority, Trigger::Changed);
}

/// The pipeline that is ready now, and its triggers.
fn get_now(queue: &WorkQueue) -> Option<(String, Triggers)> {
    queue.get().now_or_never().map(|(pipeline, triggers)| (pipeline.name, triggers))
}

/// All pipelines that are ready now, in order. Each is done at once.
fn drain(queue: &WorkQueue) -> Vec<String> {
    std::iter::from_fn(|| get_now(queue))
        .map(|(name, _)| name)
        .inspect(|name| queue.done(&key(name)))
        .collect()
}

async fn quiet_period() {
    tokio::time::advance(QUIET_PERIOD).await;
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

#[tokio::test(start_paused = true)]
async fn burst_of_events_is_one_reconcile() {
    let queue = queue();
    for _ in 0..3 {
        add(&queue, "a", Priority::High);
        tokio::time::advance(QUIET_PERIOD / 2).await;
    }
    assert_eq!(get_now(&queue), None, "the last event is too recent");
    quiet_period().await;
    assert_eq!(drain(&queue), ["a"]);
    quiet_period().await;
    assert_eq!(drain(&queue), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn pipeline_collects_triggers_while_it_waits() {
    let queue = queue();
    let observed = |version: &str| Trigger::Observed(ObjectKey::Pipeline, version.to_owned());
    queue.add(key("a"), Priority::High, observed("4"));
    queue.add(key("a"), Priority::High, observed("5"));
    quiet_period().await;
    let (_, triggers) = queue.get().await;
    assert_eq!(triggers.as_slice(), [observed("4"), observed("5")]);
}

#[tokio::test(start_paused = true)]
async fn pipeline_is_not_processed_twice_at_once() {
    let queue = queue();
    add(&queue, "a", Priority::High);
    let (a, _) = queue.get().await;
    add(&queue, "a", Priority::High);
    add(&queue, "b", Priority::High);
    quiet_period().await;
    assert_eq!(get_now(&queue).map(|(name, _)| name).as_deref(), Some("b"));
    assert_eq!(get_now(&queue), None, "it is being processed");
    queue.done(&a);
    assert_eq!(drain(&queue), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn high_priority_comes_first() {
    let queue = queue();
    let (high, low) = (names("high", 3), names("low", 3));
    low.iter().for_each(|name| add(&queue, name, Priority::Low));
    high.iter().for_each(|name| add(&queue, name, Priority::High));
    quiet_period().await;
    add(&queue, "low-1", Priority::High);
    let expected = ["high-0", "high-1", "high-2", "low-1", "low-0", "low-2"];
    assert_eq!(drain(&queue), expected, "one whose priority is raised comes once, with the others");
}

#[tokio::test(start_paused = true)]
async fn low_priority_does_not_starve() {
    let queue = queue();
    for name in names("high", 2 * FAIRNESS) {
        add(&queue, &name, Priority::High);
    }
    for name in ["low-1", "low-2"] {
        add(&queue, name, Priority::Low);
    }
    quiet_period().await;
    let mut low = Vec::new();
    for number in 1..=3 * FAIRNESS {
        let (next, _) = queue.get().await;
        queue.done(&next);
        if next.name.starts_with("low-") {
            low.push((number, next.name));
        } else {
            add(&queue, &next.name, Priority::High);
            quiet_period().await;
        }
    }
    assert_eq!(low, [(FAIRNESS, "low-1".to_owned()), (2 * FAIRNESS, "low-2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn operator_is_under_load_while_many_pipelines_wait() {
    let queue = queue();
    let names = names("low", LOAD);
    names[1..].iter().for_each(|name| add(&queue, name, Priority::Low));
    queue.requeue_after(key("later"), Duration::from_secs(60));
    assert!(!queue.is_under_load(), "one that waits for its time does not count");
    add(&queue, &names[0], Priority::Low);
    assert!(queue.is_under_load());
    quiet_period().await;
    assert_eq!(drain(&queue).len(), LOAD);
    assert!(!queue.is_under_load());
}

#[tokio::test(start_paused = true)]
async fn delayed_pipeline_is_reconciled_with_earlier_events() {
    let delay = Duration::from_secs(2);
    let queue = queue();
    let started = Instant::now();
    queue.add_after(key("a"), delay, Trigger::Changed);
    let (a, triggers) = queue.get().await;
    assert_eq!((started.elapsed(), triggers.as_slice()), (delay, &[Trigger::Changed][..]));
    queue.done(&a);

    let observed = Trigger::Observed(ObjectKey::Pipeline, "4".to_owned());
    queue.add_after(a.clone(), delay, Trigger::Changed);
    queue.add(a.clone(), Priority::Low, observed.clone());
    quiet_period().await;
    let (_, triggers) = queue.get().await;
    assert_eq!(triggers.as_slice(), [Trigger::Changed, observed]);
    queue.done(&a);
    tokio::time::advance(2 * delay).await;
    assert_eq!(get_now(&queue), None, "it was reconciled already");
}

#[tokio::test(start_paused = true)]
async fn requeued_pipeline_has_no_trigger_and_the_earliest_time() {
    let queue = queue();
    let (soon, later) = (Duration::from_secs(1), Duration::from_secs(9));
    let started = Instant::now();
    for delay in [later, soon, later] {
        queue.requeue_after(key("a"), delay);
    }
    let (_, triggers) = queue.get().await;
    assert_eq!((started.elapsed(), triggers), (soon, Triggers::default()));
}

#[tokio::test(start_paused = true)]
async fn requeued_pipeline_that_is_ready_keeps_its_priority() {
    let queue = queue();
    for name in ["a", "b"] {
        queue.requeue_after(key(name), Duration::from_secs(1));
    }
    let (a, _) = queue.get().await;
    queue.done(&a);
    add(&queue, "b", Priority::Low);
    assert_eq!(drain(&queue), ["b"], "it is not lost");
}

#[tokio::test(start_paused = true)]
async fn events_do_not_delay_a_pipeline_that_is_ready() {
    let queue = queue();
    add(&queue, "a", Priority::Low);
    quiet_period().await;
    add(&queue, "a", Priority::Low);
    assert_eq!(drain(&queue), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn metrics_count_each_wait_once() {
    let metrics = Arc::<Metrics>::default();
    let queue = WorkQueue::new(metrics.clone());
    let has = |line: &str| {
        let text = metrics.encode().unwrap();
        let labels = r#"{name="userstreampipeline",controller="userstreampipeline"}"#;
        let line = line.replacen(' ', &format!("{labels} "), 1);
        assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
    };
    has("workqueue_depth 0");
    add(&queue, "a", Priority::High);
    tokio::time::advance(Duration::from_millis(950)).await;
    add(&queue, "a", Priority::High);
    add(&queue, "b", Priority::Low);
    has("workqueue_depth 2");
    quiet_period().await;
    assert_eq!(drain(&queue), ["a", "b"]);
    has("workqueue_depth 0");
    has("workqueue_adds_total 2");
    has("workqueue_queue_duration_seconds_sum 1.05");
    has("workqueue_queue_duration_seconds_count 2");
    queue.requeue_after(key("a"), Duration::ZERO);
    assert_eq!(drain(&queue), ["a"]);
    has("workqueue_adds_total 3");
    has("workqueue_queue_duration_seconds_count 2");
}

proptest! {
    #[test]
    fn other_namespace_waits_for_one_pipeline_at_most(
        waiting in prop::collection::vec(any::<bool>(), 1..60), taken in 0_usize..60, is_high: bool,
    ) {
        let priority = |is_high| if is_high { Priority::High } else { Priority::Low };
        let (mut state, now) = (State::default(), Instant::now());
        for (number, is_high) in waiting.iter().enumerate() {
            state.add(key(&number.to_string()), priority(*is_high), Trigger::Changed, now);
        }
        let ready = now + QUIET_PERIOD;
        (0..taken).for_each(|_| drop(state.next(ready)));
        let other = PipelineKey { namespace: "other".to_owned(), name: "a".to_owned() };
        state.add(other.clone(), priority(is_high), Trigger::Changed, ready);
        let mut processed = std::iter::from_fn(|| state.next(ready + QUIET_PERIOD)).map(|(pipeline, _)| pipeline);
        let position = processed.position(|it| it == other);
        prop_assert!(position.is_some_and(|position| position <= 1), "{:?}", position);
    }
}
