//! Asks the workers how they are: `GET /status` of the pods of the pipelines, never of an address from a resource.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use userstream_crds::names::{COMPONENT, Component};
use userstream_crds::worker_status::WorkerStatus;

use super::cache::PipelineKey;
use super::memory::lock;
use crate::configuration::STATUS_PORT;
use crate::observed::WorkerReport;
use crate::reports::is_working;

/// How often a worker is asked while its pipeline is not ready, and once it is.
const UNTIL_READY: SignedDuration = SignedDuration::from_secs(2);
const WHEN_READY: SignedDuration = SignedDuration::from_secs(30);
/// How long an answer may take, and how long it may be.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: usize = 256 * 1024;
/// How many workers are asked at once.
const CONCURRENCY: usize = 32;

/// What the workers have told last, by namespace and pod.
#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<HashMap<(String, String), Asked>>);

#[derive(Debug, Clone)]
struct Asked {
    at: Timestamp,
    /// None when there was no answer.
    report: Option<WorkerReport>,
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
    /// The reports of these pods, by their name.
    pub(super) fn of<'a>(&self, pods: impl Iterator<Item = &'a Pod>) -> BTreeMap<String, WorkerReport> {
        let all = lock(&self.0);
        pods.filter_map(|pod| {
            let asked = all.get(&(pod.namespace()?, pod.name_any()))?;
            Some((pod.name_any(), asked.report.clone()?))
        })
        .collect()
    }

    /// Asks the workers whose turn it is, and gives the pipelines of those that were asked.
    pub(super) async fn ask(
        &self,
        client: &reqwest::Client,
        working: Vec<(PipelineKey, String, IpAddr)>,
        is_ready: impl Fn(&PipelineKey) -> bool,
        now: Timestamp,
    ) -> Vec<PipelineKey> {
        let due: Vec<(PipelineKey, String, IpAddr)> = {
            let mut all = lock(&self.0);
            let known: std::collections::HashSet<_> =
                working.iter().map(|(pipeline, pod, _)| (pipeline.namespace.clone(), pod.clone())).collect();
            all.retain(|key, _| known.contains(key));
            let is_due = |(pipeline, pod, _): &(PipelineKey, String, IpAddr)| {
                let pause = if is_ready(pipeline) { WHEN_READY } else { UNTIL_READY };
                let asked = all.get(&(pipeline.namespace.clone(), pod.clone()));
                asked.is_none_or(|asked| now.duration_since(asked.at) >= pause)
            };
            working.into_iter().filter(is_due).collect()
        };
        let answers = futures::stream::iter(due).map(|(pipeline, pod, address)| async move {
            let answer = ask(client, address).await;
            (pipeline, pod, answer)
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(CONCURRENCY));
        let mut concerned = Vec::new();
        while let Some((pipeline, pod, answer)) = answers.next().await {
            let report = match answer {
                Ok(status) => Some(WorkerReport { at: now, status }),
                Err(error) => {
                    tracing::debug!(namespace = pipeline.namespace, pod, %error, "the worker does not tell its status");
                    None
                }
            };
            let key = (pipeline.namespace.clone(), pod);
            // A worker that does not answer once is not unknown at once; its last report becomes stale by itself.
            let mut all = lock(&self.0);
            let report = report.or_else(|| all.get(&key).and_then(|asked| asked.report.clone()));
            all.insert(key, Asked { at: now, report });
            concerned.push(pipeline);
        }
        concerned
    }
}

/// Where a worker serves its status that stays and can work.
pub(super) fn status_address(pod: &Pod) -> Option<IpAddr> {
    let component = pod.labels().get(COMPONENT)?;
    let stays = [Component::Processor, Component::Producer].iter().any(|of| of.name() == component);
    let address: IpAddr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    // On the node's network it would be the node that is asked.
    let on_host = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
    let dialable = !on_host && !address.is_loopback() && !address.is_multicast() && !address.is_unspecified();
    (stays && is_working(pod) && dialable).then_some(address)
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
