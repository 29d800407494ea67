//! Scrapes the workers: `GET /status` of the pods of pipelines, never of an address from a resource.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::runtime::reflector;
use userstream_crds::worker_status::WorkerStatus;

use super::scrape_state::ScrapeStates;
use crate::model::configuration::STATUS_PORT;
use crate::model::pipeline_key::PipelineKey;
use crate::runtime::queue::trigger::Trigger;
use crate::runtime::queue::workqueue::{Priority, WorkQueue};
use crate::runtime::watch::endpoint::Target;
use crate::runtime::watch::store::Store;
use crate::runtime::watch::stored_pipeline::StoredPipeline;

/// Workers that become ready within this time are scraped together.
const BATCH: Duration = Duration::from_millis(100);
/// How long a scrape may take, and how long an answer may be.
const TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: usize = 256 * 1024;
/// How many workers are scraped concurrently.
const CONCURRENCY: usize = 32;

/// Why the scrape of a worker failed.
#[derive(Debug, thiserror::Error)]
enum ScrapeError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    #[error("the answer is no worker status: {0}")]
    Decode(#[from] serde_json::Error),
}

/// Scrapes the workers of one namespace, or of all.
#[derive(Clone)]
pub(crate) struct StatusScraper {
    /// A client without redirects and proxies, see [`worker_client`](crate::runtime::worker_client).
    pub(crate) client: reqwest::Client,
    pub(crate) pipelines: reflector::Store<StoredPipeline>,
    pub(crate) pods: Arc<Store<Pod>>,
    pub(crate) states: Arc<ScrapeStates>,
    pub(crate) queue: Arc<WorkQueue>,
}

impl StatusScraper {
    /// Scrapes each worker once per interval and when it has become ready, and adds the pipelines to the workqueue
    /// whose reports are news. `each_second` is called once a second and returns further pipelines to reconcile.
    pub(crate) async fn run(self, each_second: impl Fn() -> BTreeSet<PipelineKey>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.scrape_due().await;
                    for pipeline in each_second() {
                        self.queue.add(pipeline, Priority::High, Trigger::Changed);
                    }
                }
                () = self.pods.worker_becomes_ready() => {
                    tokio::time::sleep(BATCH).await;
                    let new = self.states.new_among(self.pods.take_ready());
                    for pipeline in self.scrape(new, Timestamp::now()).await {
                        self.queue.add(pipeline, Priority::High, Trigger::Changed);
                    }
                }
            }
        }
    }

    /// Scrapes the workers that are due. New numbers of a ready pipeline have low priority.
    pub(crate) async fn scrape_due(&self) {
        let pipelines = self.pipelines.state();
        // Borrowed names: this runs each second with all pipelines.
        let ready: HashSet<(&str, &str)> =
            pipelines.iter().filter(|it| it.is_ready()).filter_map(|it| names(it)).collect();
        let is_ready = |key: &PipelineKey| ready.contains(&(key.namespace.as_str(), key.name.as_str()));
        let now = Timestamp::now();
        let due = self.states.due(&self.pods, is_ready, now);
        for pipeline in self.scrape(due, now).await {
            let priority = if is_ready(&pipeline) { Priority::Low } else { Priority::High };
            self.queue.add(pipeline, priority, Trigger::Changed);
        }
    }

    /// Scrapes workers, and returns the pipelines that are to be reconciled for it.
    async fn scrape(&self, targets: Vec<Target>, now: Timestamp) -> BTreeSet<PipelineKey> {
        let answers = futures::stream::iter(targets).map(|target| async {
            let answer = status_of(&self.client, target.endpoint.address).await;
            (target, answer)
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(CONCURRENCY));
        let mut triggered = BTreeSet::new();
        while let Some((target, answer)) = answers.next().await {
            let (namespace, pod) = (&target.pipeline.namespace, &target.pod);
            let log = |error: &ScrapeError| tracing::debug!(namespace, pod, %error, "worker status unknown");
            if self.states.record(&target, answer.inspect_err(log).ok(), now) {
                triggered.insert(target.pipeline);
            }
        }
        triggered
    }
}

fn names(pipeline: &StoredPipeline) -> Option<(&str, &str)> {
    let metadata = pipeline.meta();
    metadata.namespace.as_deref().zip(metadata.name.as_deref())
}

async fn status_of(client: &reqwest::Client, address: IpAddr) -> Result<WorkerStatus, ScrapeError> {
    let url = format!("http://{}/status", SocketAddr::new(address, STATUS_PORT));
    let mut response = client.get(url).timeout(TIMEOUT).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(ScrapeError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body)?)
}
