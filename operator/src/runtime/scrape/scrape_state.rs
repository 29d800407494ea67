//! Asks the workers how they are: `GET /status` of the pods of the pipelines, never of an address from a resource.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use userstream_crds::names::{COMPONENT, Component};
use userstream_crds::worker_pod::container;
use userstream_crds::worker_status::WorkerStatus;

use crate::model::configuration::STATUS_PORT;
use crate::model::observed::WorkerReport;
use crate::model::pipeline_key::PipelineKey;
use crate::model::worker_reports::{is_fresh, is_working, say_the_same};
use crate::runtime::reconcile_state::lock;
use crate::runtime::watch::store::Cache;

/// How often a worker is asked while its pipeline is not ready, and once it is, in seconds.
const UNTIL_READY: i64 = 2;
const WHEN_READY: i64 = 30;
/// How long a pipeline is not looked at whose workers say the same: numbers that have moved a little are told then.
const SAME: SignedDuration = SignedDuration::from_secs(60);
/// How long an answer may take, and how long it may be.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: usize = 256 * 1024;
/// How many workers are asked at once.
const CONCURRENCY: usize = 32;

/// What the workers have told last, by pipeline and pod.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<HashMap<PipelineKey, HashMap<String, Asked>>>);

/// How a worker can be asked how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worker {
    /// Where it serves its status.
    pub(crate) address: IpAddr,
    /// Whether its pod is ready: then it has something to tell that it had not before.
    pub(crate) is_ready: bool,
}

/// A worker and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) pipeline: PipelineKey,
    pub(crate) pod: String,
    pub(crate) worker: Worker,
}

#[derive(Debug, Clone)]
struct Asked {
    at: Timestamp,
    /// Whether its pod was ready then.
    was_ready: bool,
    /// None when there was no answer.
    report: Option<WorkerReport>,
    /// When its pipeline was last looked at because of it.
    told: Timestamp,
}

impl Asked {
    /// After an answer, or none: what is known of the worker, and whether its pipeline is to be looked at. It is when there is news,
    /// and every now and then when there is none, because what is decided depends on the time and on small numbers too.
    fn next(
        before: Option<Self>,
        answer: Option<WorkerStatus>,
        was_ready: bool,
        now: Timestamp,
    ) -> (Self, bool) {
        let (known, told) = before.map_or((None, None), |before| (before.report, Some(before.told)));
        let knows = |status: &WorkerStatus| {
            known.as_ref().is_some_and(|known| say_the_same(&known.status, status) && is_fresh(known, now))
        };
        let is_news = answer.as_ref().is_some_and(|status| !knows(status));
        let told = told.filter(|told| !is_news && now.duration_since(*told) < SAME);
        // A worker that does not answer once is not unknown at once; its last report becomes stale by itself.
        let report = answer.map(|status| WorkerReport { at: now, status }).or(known);
        (Self { at: now, was_ready, report, told: told.unwrap_or(now) }, told.is_none())
    }
}

/// Whether a worker is asked although it is not its turn: nobody has asked it, or it has become ready meanwhile, which is what a
/// rollout waits for.
fn is_new(worker: Worker, asked: Option<&Asked>) -> bool {
    asked.is_none_or(|asked| worker.is_ready && !asked.was_ready)
}

/// Whether a worker is asked now, whose pipeline has these turns.
fn is_due(worker: Worker, asked: Option<&Asked>, turn: impl Fn(Timestamp) -> i64, now: Timestamp) -> bool {
    is_new(worker, asked) || asked.is_some_and(|asked| turn(asked.at) != turn(now))
}

/// The turns of a pipeline by the time. Its workers are asked together, so that it is looked at once for all of them, and other
/// pipelines' at other times.
fn turns(pipeline: &PipelineKey, is_ready: bool) -> impl Fn(Timestamp) -> i64 + use<> {
    let mut hasher = DefaultHasher::new();
    pipeline.hash(&mut hasher);
    let shift = i64::from(hasher.finish() as u8);
    move |at| (at.as_second() + shift) / if is_ready { WHEN_READY } else { UNTIL_READY }
}

/// Why a worker's answer is none.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    #[error("the answer is no worker's: {0}")]
    Decode(#[from] serde_json::Error),
}

impl Reports {
    /// The reports of these pods of a pipeline, by their name.
    pub(crate) fn of<'a>(
        &self,
        pipeline: &PipelineKey,
        pods: impl Iterator<Item = &'a Pod>,
    ) -> BTreeMap<String, WorkerReport> {
        let all = lock(&self.0);
        let Some(own) = all.get(pipeline) else { return BTreeMap::new() };
        let report = |pod: &Pod| Some((pod.name_any(), own.get(&pod.name_any())?.report.clone()?));
        pods.filter_map(report).collect()
    }

    /// The workers whose turn it is; those of them that are no more are forgotten.
    pub(crate) fn due(
        &self,
        pods: &Cache<Pod>,
        is_ready: impl Fn(&PipelineKey) -> bool,
        now: Timestamp,
    ) -> Vec<Target> {
        let mut all = lock(&self.0);
        all.retain(|pipeline, own| {
            own.retain(|pod, _| pods.has_worker(pipeline, pod));
            !own.is_empty()
        });
        pods.workers(|pipeline, pod, worker| {
            let asked = all.get(pipeline).and_then(|own| own.get(pod));
            is_due(worker, asked, turns(pipeline, is_ready(pipeline)), now)
        })
    }

    /// Those of these workers that were not asked since they have become ready.
    pub(crate) fn not_asked(&self, workers: Vec<Target>) -> Vec<Target> {
        let all = lock(&self.0);
        let asked = |it: &Target| all.get(&it.pipeline).and_then(|own| own.get(&it.pod));
        workers.into_iter().filter(|it| is_new(it.worker, asked(it))).collect()
    }

    /// Asks workers, and gives the pipelines that are to be looked at because of their answers.
    pub(crate) async fn ask(
        &self,
        client: &reqwest::Client,
        workers: Vec<Target>,
        now: Timestamp,
    ) -> BTreeSet<PipelineKey> {
        let answers = futures::stream::iter(workers).map(|it| async move {
            let answer = ask(client, it.worker.address).await;
            (it, answer)
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(CONCURRENCY));
        let mut concerned = BTreeSet::new();
        while let Some((Target { pipeline, pod, worker }, answer)) = answers.next().await {
            let answer = answer
                .inspect_err(|error| {
                    tracing::debug!(namespace = pipeline.namespace, pod, %error, "the worker does not tell its status");
                })
                .ok();
            let mut all = lock(&self.0);
            let own = all.entry(pipeline.clone()).or_default();
            let (asked, is_told) = Asked::next(own.remove(&pod), answer, worker.is_ready, now);
            own.insert(pod, asked);
            if is_told {
                concerned.insert(pipeline);
            }
        }
        concerned
    }
}

/// How to ask the worker of a pod, if it stays and can work.
pub(crate) fn worker(pod: &Pod) -> Option<Worker> {
    let component = pod.labels().get(COMPONENT)?;
    let stays = [Component::Processor, Component::Producer].iter().any(|of| of.name() == component);
    let address: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    // On the node's network it would be the node that is asked.
    let on_host = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
    let dialable = !on_host && !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
    let is_ready = container(pod).is_some_and(|container| container.ready);
    (stays && is_working(pod) && dialable).then_some(Worker { address, is_ready })
}

async fn ask(client: &reqwest::Client, address: IpAddr) -> Result<WorkerStatus, AskError> {
    let url = format!("http://{}/status", std::net::SocketAddr::new(address, STATUS_PORT));
    let mut response = client.get(url).timeout(PATIENCE).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(AskError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn a_worker_is_asked_at_once_when_it_has_become_ready_and_else_at_the_turn_of_its_pipeline() {
        let worker = |is_ready| Worker { address: IpAddr::from([10, 0, 0, 1]), is_ready };
        let asked = |was_ready| Asked { at: NOW, was_ready, report: None, told: NOW };
        let due = |is_ready, asked: Option<&Asked>, seconds| {
            let now = NOW + SignedDuration::from_secs(seconds);
            is_due(worker(is_ready), asked, |at| at.as_second() / WHEN_READY, now)
        };
        assert!(due(false, None, 0) && due(true, Some(&asked(false)), 1));
        assert!(!due(true, Some(&asked(true)), 29) && due(true, Some(&asked(true)), 30));
        assert!(!due(false, Some(&asked(true)), 29) && due(false, Some(&asked(false)), 30));
        assert!(is_new(worker(false), None), "nobody has asked it");
        assert!(is_new(worker(true), Some(&asked(false))));
        assert!(!is_new(worker(true), Some(&asked(true))) && !is_new(worker(false), Some(&asked(false))));
        assert!(
            !is_new(worker(false), Some(&asked(true))),
            "that it is ready no more is the Deployment's news"
        );
    }

    #[test]
    fn the_turns_of_a_pipeline_come_evenly_and_not_with_all_others() {
        let key = |number| PipelineKey { namespace: "users".to_owned(), name: format!("users-{number}") };
        let mut seconds = [0; WHEN_READY as usize];
        for number in 0..300 {
            for (is_ready, pause) in [(false, UNTIL_READY), (true, WHEN_READY)] {
                let turns = turns(&key(number), is_ready);
                let turn = |second| turns(NOW + SignedDuration::from_secs(second));
                let begins: Vec<i64> = (1..=60).filter(|second| turn(*second) != turn(second - 1)).collect();
                assert_eq!(begins.len() as i64, 60 / pause);
                assert!(begins.windows(2).all(|pair| pair[1] - pair[0] == pause), "{begins:?}");
                if is_ready {
                    seconds[(begins[0] - 1) as usize] += 1;
                }
            }
        }
        assert!(seconds.iter().all(|begin| (1..30).contains(begin)), "{seconds:?}");
    }

    #[test]
    fn a_pipeline_is_looked_at_when_its_worker_tells_something_new_and_every_now_and_then() {
        let status = |letters| -> WorkerStatus {
            let mut status = crate::model::worker_reports::an_idle_worker();
            status.processor.dead_letter_depth = Some(letters);
            status
        };
        let mut asked = None;
        let mut told = Vec::new();
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
            let (next, is_told) = Asked::next(asked.take(), answer.map(status), true, now);
            asked = Some(next);
            if is_told {
                told.push(second);
            }
        }
        assert_eq!(
            told,
            [0, 4, 8, 68, 200],
            "at 68 for the time, at 200 because what was known had become stale"
        );
    }
}
