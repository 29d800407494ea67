//! The worker in a cluster: its state and its termination, read from Jobs and pods.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use serde::Deserialize;

use crate::worker::provision_report::ProvisionReport;

/// The name of the worker's container. Injected sidecars are other containers of the pod.
pub const CONTAINER: &str = "worker";
/// The name of the port of `/status`, `/metrics` and the probes.
pub const STATUS_PORT_NAME: &str = "status";

/// Whether a finished Job succeeded; `None` while it is in progress.
#[must_use]
pub fn finished(job: &Job) -> Option<bool> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().filter(|condition| condition.status == "True").find_map(|condition| {
        match condition.type_.as_str() {
            "Complete" => Some(true),
            "Failed" => Some(false),
            _ => None,
        }
    })
}

/// Whether a pod has terminated and will not be restarted.
#[must_use]
pub fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The status of the worker's container.
#[must_use]
pub fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

/// Whether the worker's container is running.
#[must_use]
pub fn is_running(pod: &Pod) -> bool {
    container(pod).and_then(|status| status.state.as_ref()).is_some_and(|state| state.running.is_some())
}

/// The termination of a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Termination {
    /// When; `None` where Kubernetes has no time.
    pub at: Option<Timestamp>,
    /// The exit code: 0 done, 65 data policy, 69 dependency unavailable, 78 configuration or refusal.
    pub exit_code: i32,
    /// The cause, in a sentence.
    pub message: String,
    /// The report of provisioning or cleanup.
    pub report: ProvisionReport,
}

/// The last termination of the worker in these pods.
pub fn last_termination<'a>(pods: impl Iterator<Item = &'a Pod>) -> Option<Termination> {
    pods.filter_map(terminated)
        .max_by_key(|ended| ended.finished_at.as_ref().map(|time| time.0))
        .map(Termination::from)
}

fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    fn of(state: Option<&ContainerState>) -> Option<&ContainerStateTerminated> {
        state.and_then(|state| state.terminated.as_ref())
    }
    let status = container(pod)?;
    of(status.state.as_ref()).or_else(|| of(status.last_state.as_ref()))
}

impl From<&ContainerStateTerminated> for Termination {
    fn from(ended: &ContainerStateTerminated) -> Self {
        #[derive(Deserialize)]
        struct Message {
            message: String,
            #[serde(flatten)]
            report: ProvisionReport,
        }
        let reported = ended.message.as_deref().and_then(|text| serde_json::from_str::<Message>(text).ok());
        let Message { message, report } = reported.unwrap_or_else(|| {
            // A worker that is killed leaves no message. Kubernetes' reason, such as OOMKilled, replaces it.
            let reason = ended.reason.as_deref().unwrap_or("Error");
            let message = format!("the worker ended with {reason} (exit code {})", ended.exit_code);
            Message { message, report: ProvisionReport::default() }
        });
        Self {
            at: ended.finished_at.as_ref().map(|time| time.0),
            exit_code: ended.exit_code,
            message,
            report,
        }
    }
}

/// Kubernetes' reason for a crashed container that waits for its restart. The [`Termination`] has the cause.
pub const CRASH_LOOP: &str = "CrashLoopBackOff";

/// What keeps a pod from running: a reason and a message from Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The reason, such as `ImagePullBackOff`.
    pub reason: String,
    /// The message; often empty.
    pub message: String,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => formatter.write_str(&self.reason),
            message => write!(formatter, "{}: {message}", self.reason),
        }
    }
}

/// What keeps a pod from running; `None` when nothing is known to.
#[must_use]
pub fn obstacle(pod: &Pod) -> Option<Obstacle> {
    let of = |reason: Option<&String>, message: Option<&String>| Obstacle {
        reason: reason.cloned().unwrap_or_else(|| "Unknown".to_owned()),
        message: message.cloned().unwrap_or_default(),
    };
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let mut unscheduled = conditions.filter(|it| it.type_ == "PodScheduled" && it.status == "False");
    if let Some(condition) = unscheduled.next() {
        return Some(of(condition.reason.as_ref(), condition.message.as_ref()));
    }
    let waiting = container(pod)?.state.as_ref()?.waiting.as_ref()?;
    match waiting.reason.as_deref() {
        // A container passes these on its way to running.
        None | Some("ContainerCreating" | "PodInitializing") => None,
        Some(_) => Some(of(waiting.reason.as_ref(), waiting.message.as_ref())),
    }
}
