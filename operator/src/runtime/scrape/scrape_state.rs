//! The last scrape of each worker, and when the next one is due.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use userstream_crds::worker_status::WorkerStatus;

use crate::model::observed::WorkerReport;
use crate::model::pipeline_key::PipelineKey;
use crate::model::worker_reports::{is_equivalent, is_fresh};
use crate::runtime::sync::lock;
use crate::runtime::watch::endpoint::{Endpoint, Target};
use crate::runtime::watch::store::Store;

/// How often the workers of a pipeline are scraped until it is ready, and afterwards, in seconds.
const INTERVAL_UNTIL_READY: i64 = 2;
const INTERVAL_WHEN_READY: i64 = 30;
/// How long equivalent reports of a worker trigger no reconcile.
const EQUIVALENT_FOR: SignedDuration = SignedDuration::from_secs(60);

/// The last scrape of each worker, by pipeline and pod.
#[derive(Debug, Default)]
pub(crate) struct ScrapeStates(Mutex<HashMap<PipelineKey, HashMap<String, ScrapeState>>>);

/// The last scrape of a worker.
#[derive(Debug, Clone)]
struct ScrapeState {
    at: Timestamp,
    /// Whether its pod was ready.
    was_ready: bool,
    /// The last report; `None` if it has never answered.
    report: Option<WorkerReport>,
    /// When a report of it last triggered a reconcile.
    triggered_at: Timestamp,
}

impl ScrapeState {
    /// The state after a scrape, which the worker may not have answered, and whether it triggers a reconcile. A
    /// different report does, and an equivalent one now and then: decisions depend on the time and on small changes as
    /// well.
    fn after(
        before: Option<Self>,
        answer: Option<WorkerStatus>,
        was_ready: bool,
        now: Timestamp,
    ) -> (Self, bool) {
        let (known, triggered_at) =
            before.map_or((None, None), |before| (before.report, Some(before.triggered_at)));
        let answer = answer.map(|status| WorkerReport::new(now, status));
        let is_known = |report: &WorkerReport| {
            known.as_ref().is_some_and(|known| is_equivalent(known, report) && is_fresh(known, now))
        };
        let is_new = answer.as_ref().is_some_and(|report| !is_known(report));
        let recently = triggered_at.filter(|at| !is_new && now.duration_since(*at) < EQUIVALENT_FOR);
        // One missing answer does not make a worker unknown; its last report becomes stale instead.
        let report = answer.or(known);
        let state = Self { at: now, was_ready, report, triggered_at: recently.unwrap_or(now) };
        (state, recently.is_none())
    }
}

/// Whether a worker is scraped before the next interval: for the first time, or because it has become ready, which is
/// what a rollout waits for.
fn is_new(endpoint: Endpoint, last: Option<&ScrapeState>) -> bool {
    last.is_none_or(|last| endpoint.is_ready && !last.was_ready)
}

/// Whether a worker is scraped now. `interval` numbers the intervals of its pipeline.
fn is_due(
    endpoint: Endpoint,
    last: Option<&ScrapeState>,
    interval: impl Fn(Timestamp) -> i64,
    now: Timestamp,
) -> bool {
    is_new(endpoint, last) || last.is_some_and(|last| interval(last.at) != interval(now))
}

/// Numbers the intervals of a pipeline. Its workers share them, so that it is reconciled once for all of them; the
/// intervals of other pipelines start at other times.
fn intervals(pipeline: &PipelineKey, is_ready: bool) -> impl Fn(Timestamp) -> i64 + use<> {
    let mut hasher = DefaultHasher::new();
    pipeline.hash(&mut hasher);
    let offset = i64::from(hasher.finish() as u8);
    let length = if is_ready { INTERVAL_WHEN_READY } else { INTERVAL_UNTIL_READY };
    move |at| (at.as_second() + offset) / length
}

impl ScrapeStates {
    /// The last reports of these pods of a pipeline, by name.
    pub(crate) fn reports<'a>(
        &self,
        pipeline: &PipelineKey,
        pods: impl Iterator<Item = &'a Pod>,
    ) -> BTreeMap<String, WorkerReport> {
        let all = lock(&self.0);
        let Some(own) = all.get(pipeline) else { return BTreeMap::new() };
        let report = |pod: &Pod| Some((pod.name_any(), own.get(&pod.name_any())?.report.clone()?));
        pods.filter_map(report).collect()
    }

    /// The workers to scrape now. Drops the states of workers that are gone.
    pub(crate) fn due(
        &self,
        pods: &Store<Pod>,
        is_ready: impl Fn(&PipelineKey) -> bool,
        now: Timestamp,
    ) -> Vec<Target> {
        let mut all = lock(&self.0);
        all.retain(|pipeline, own| {
            own.retain(|pod, _| pods.has_target(pipeline, pod));
            !own.is_empty()
        });
        pods.targets(|pipeline, pod, endpoint| {
            let last = all.get(pipeline).and_then(|own| own.get(pod));
            is_due(endpoint, last, intervals(pipeline, is_ready(pipeline)), now)
        })
    }

    /// Those of these workers that were not scraped since they have become ready.
    pub(crate) fn new_among(&self, targets: Vec<Target>) -> Vec<Target> {
        let all = lock(&self.0);
        let last = |it: &Target| all.get(&it.pipeline).and_then(|own| own.get(&it.pod));
        targets.into_iter().filter(|it| is_new(it.endpoint, last(it))).collect()
    }

    /// Records a scrape, which the worker may not have answered. Returns whether it triggers a reconcile.
    pub(crate) fn record(&self, target: &Target, answer: Option<WorkerStatus>, now: Timestamp) -> bool {
        let mut all = lock(&self.0);
        let own = all.entry(target.pipeline.clone()).or_default();
        let before = own.remove(&target.pod);
        let (state, triggers) = ScrapeState::after(before, answer, target.endpoint.is_ready, now);
        own.insert(target.pod.clone(), state);
        triggers
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::model::worker_reports::idle_worker;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn worker_is_scraped_when_it_becomes_ready_and_each_interval() {
        let endpoint = |is_ready| Endpoint { address: IpAddr::from([10, 0, 0, 1]), is_ready };
        let scraped = |was_ready| ScrapeState { at: NOW, was_ready, report: None, triggered_at: NOW };
        let due = |is_ready, last: Option<&ScrapeState>, seconds| {
            let now = NOW + SignedDuration::from_secs(seconds);
            is_due(endpoint(is_ready), last, |at| at.as_second() / INTERVAL_WHEN_READY, now)
        };
        assert!(due(false, None, 0) && due(true, Some(&scraped(false)), 1));
        assert!(!due(true, Some(&scraped(true)), 29) && due(true, Some(&scraped(true)), 30));
        assert!(!due(false, Some(&scraped(true)), 29) && due(false, Some(&scraped(false)), 30));
        assert!(is_new(endpoint(false), None), "it was never scraped");
        assert!(is_new(endpoint(true), Some(&scraped(false))));
        let known = [(true, true), (false, false), (false, true)];
        for (is_ready, was_ready) in known {
            assert!(!is_new(endpoint(is_ready), Some(&scraped(was_ready))), "{is_ready} {was_ready}");
        }
    }

    #[test]
    fn intervals_of_pipelines_are_even_and_start_apart() {
        let key = |number| PipelineKey { namespace: "users".to_owned(), name: format!("users-{number}") };
        let mut seconds = [0; INTERVAL_WHEN_READY as usize];
        for number in 0..300 {
            for (is_ready, length) in [(false, INTERVAL_UNTIL_READY), (true, INTERVAL_WHEN_READY)] {
                let intervals = intervals(&key(number), is_ready);
                let interval = |second| intervals(NOW + SignedDuration::from_secs(second));
                let starts: Vec<i64> =
                    (1..=60).filter(|second| interval(*second) != interval(second - 1)).collect();
                assert_eq!(starts.len() as i64, 60 / length);
                assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == length), "{starts:?}");
                if is_ready {
                    seconds[(starts[0] - 1) as usize] += 1;
                }
            }
        }
        assert!(seconds.iter().all(|count| (1..30).contains(count)), "{seconds:?}");
    }

    #[test]
    fn new_report_triggers_a_reconcile_and_an_equal_one_rarely() {
        let status = |letters| -> WorkerStatus {
            let mut status = idle_worker();
            status.processor.dead_letter_depth = Some(letters);
            status
        };
        let mut state = None;
        let mut triggered = Vec::new();
        for (second, answer) in [
            (0, None),
            (2, None),
            (4, Some(1)),
            (6, Some(1)),
            (8, Some(2)),
            (10, Some(2)),
            (67, None),
            (68, None),
            (200, Some(2)),
        ] {
            let now = NOW + SignedDuration::from_secs(second);
            let (next, triggers) = ScrapeState::after(state.take(), answer.map(status), true, now);
            state = Some(next);
            if triggers {
                triggered.push(second);
            }
        }
        let why = "at 68 because a minute has passed, at 200 because the report before was stale";
        assert_eq!(triggered, [0, 4, 8, 68, 200], "{why}");
    }
}
