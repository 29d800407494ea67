//! The worker in a cluster: what its Jobs and pods tell of how it is and how it ended.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use serde::Deserialize;

use crate::worker::provision_report::ProvisionReport;

/// The worker's container; pods may have others beside it.
pub const CONTAINER: &str = "worker";
/// The name of the port of `/status`, `/metrics` and the probes.
pub const STATUS_PORT_NAME: &str = "status";

/// Whether a Job has ended, and whether well.
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

/// Whether a pod has ended for good.
#[must_use]
pub fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// How the worker's container is.
#[must_use]
pub fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

/// Whether the worker runs.
#[must_use]
pub fn is_running(pod: &Pod) -> bool {
    container(pod).and_then(|status| status.state.as_ref()).is_some_and(|state| state.running.is_some())
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Termination {
    /// When; `None` where Kubernetes does not say.
    pub at: Option<Timestamp>,
    /// Its exit code: 0 done, 65 data policy, 69 dependency unavailable, 78 configuration or refusal.
    pub exit_code: i32,
    /// Why, in a sentence.
    pub message: String,
    /// What provisioning or cleaning up found and did.
    pub report: ProvisionReport,
}

/// How the worker of these pods ended last.
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
        let told = ended.message.as_deref().and_then(|text| serde_json::from_str::<Message>(text).ok());
        let Message { message, report } = told.unwrap_or_else(|| {
            // Killed before it could say anything: Kubernetes' reason has to do, such as OOMKilled.
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

/// The reason that Kubernetes gives for a container that crashed and waits to be started again. Its
/// [`Termination`] tells more.
pub const CRASH_LOOP: &str = "CrashLoopBackOff";

/// What keeps a pod from running, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Its name for it: `ImagePullBackOff`.
    pub reason: String,
    /// What it says of it; often nothing.
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

/// What keeps a pod from running; `None` when nothing does, or nothing is known to.
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
        // The ordinary way to a running container.
        None | Some("ContainerCreating" | "PodInitializing") => None,
        Some(_) => Some(of(waiting.reason.as_ref(), waiting.message.as_ref())),
    }
}
