//! One-shot work: how far a Job is, and what its container reported in its termination message.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use serde::Deserialize;

use crate::observed::Observed;

/// How far a Job is.
#[derive(Clone, Debug, PartialEq)]
pub enum OneShot {
    /// There is no such Job.
    Absent,
    /// It works, or waits to be able to.
    Running {
        /// How its last attempt ended, when there was one.
        last_failure: Option<Box<Termination>>,
        /// What keeps its pod from starting, in Kubernetes' words.
        obstacle: Option<String>,
    },
    /// It did what it had to. The report is gone once the pod is.
    Succeeded(Option<Box<Termination>>),
    /// It is not tried again.
    Failed(Option<Box<Termination>>),
}

/// How a worker's container ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Termination {
    /// Its exit code: 0 done, 65 data policy, 69 dependency unavailable, 78 configuration or refusal.
    pub exit_code: i32,
    /// Why, in a sentence.
    pub message: String,
    /// What provisioning or cleaning up found and did.
    pub report: ProvisionReport,
}

/// What a run of provisioning or cleanup reports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProvisionReport {
    /// The changes that were made, or would be.
    pub changes: Vec<ReportLine>,
    /// Differences that are left as they are.
    pub drift: Vec<ReportLine>,
    /// Why nothing was changed.
    pub refusals: Vec<Refusal>,
    /// The topic of the records, where it exists.
    pub topic: Option<TopicReport>,
    /// The table, where it exists.
    pub table: Option<TableReport>,
}

/// Something about one resource.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReportLine {
    /// The line for people: `topic users_created: partitions 3 -> 6`.
    pub text: String,
}

/// Why something cannot be as the pipeline wants it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Refusal {
    /// `topic/users_created`, `keyspace/...` or `table/...`.
    pub resource: String,
    /// A CamelCase name for programs.
    pub reason: String,
    /// What is wrong, and the way out.
    pub text: String,
}

/// The topic of the records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicReport {
    /// Its name.
    pub name: String,
    /// The id that Kafka gave it.
    #[serde(default)]
    pub topic_id: Option<String>,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many brokers keep a copy.
    #[serde(default)]
    pub replicas: Option<i32>,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableReport {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// The id that Cassandra gave it.
    pub table_id: String,
    /// The last statement of this run that changed it.
    #[serde(default)]
    pub last_ddl: Option<String>,
}

impl OneShot {
    /// The state of the Job with this name.
    #[must_use]
    pub fn of(observed: &Observed, name: &str) -> Self {
        let Some(job) = observed.job(name) else { return Self::Absent };
        let termination = || last_termination(observed.pods_of_job(job)).map(Box::new);
        match finished(job) {
            Some(true) => Self::Succeeded(termination()),
            Some(false) => Self::Failed(termination()),
            None => Self::Running {
                last_failure: termination().filter(|ended| ended.exit_code != 0),
                obstacle: observed.pods_of_job(job).find_map(obstacle),
            },
        }
    }

    /// Whether it did what it had to.
    #[must_use]
    pub const fn has_succeeded(&self) -> bool {
        matches!(self, Self::Succeeded(_))
    }

    /// Whether it will do no more.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Succeeded(_) | Self::Failed(_))
    }

    /// The last report, of an attempt that failed too.
    #[must_use]
    pub fn termination(&self) -> Option<&Termination> {
        match self {
            Self::Absent => None,
            Self::Running { last_failure, .. } => last_failure.as_deref(),
            Self::Succeeded(report) | Self::Failed(report) => report.as_deref(),
        }
    }
}

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

/// How the container of these pods ended last.
pub fn last_termination<'a>(pods: impl Iterator<Item = &'a Pod>) -> Option<Termination> {
    let ended = |status: &ContainerStatus| {
        let last = status.last_state.as_ref().and_then(|state| state.terminated.clone());
        status.state.as_ref().and_then(|state| state.terminated.clone()).or(last)
    };
    pods.filter_map(container_status)
        .filter_map(ended)
        .max_by_key(|ended| ended.finished_at.as_ref().map(|time| time.0))
        .map(Termination::from)
}

impl From<ContainerStateTerminated> for Termination {
    fn from(ended: ContainerStateTerminated) -> Self {
        #[derive(Deserialize)]
        struct Message {
            message: String,
            #[serde(flatten)]
            report: ProvisionReport,
        }
        let text = ended.message.unwrap_or_default();
        match serde_json::from_str::<Message>(&text) {
            Ok(told) => Self { exit_code: ended.exit_code, message: told.message, report: told.report },
            // Killed before it could say anything: Kubernetes' reason has to do, such as OOMKilled.
            Err(_) => {
                let reason = ended.reason.unwrap_or_else(|| "Error".to_owned());
                let message = format!("the worker ended with {reason} (exit code {})", ended.exit_code);
                Self { exit_code: ended.exit_code, message, report: ProvisionReport::default() }
            }
        }
    }
}

/// What keeps a pod from running, in Kubernetes' words; `None` when nothing does, or nothing is known to.
#[must_use]
pub fn obstacle(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    let told = |reason: Option<&str>, message: Option<&str>| match (reason, message) {
        (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
        (reason, message) => reason.or(message).map(str::to_owned),
    };
    if let Some(condition) = unscheduled {
        return told(condition.reason.as_deref(), condition.message.as_deref());
    }
    let waiting = container_status(pod)?.state.as_ref()?.waiting.as_ref()?;
    match waiting.reason.as_deref() {
        // The ordinary way to a running container, and a crash that the termination message tells more of.
        None | Some("ContainerCreating" | "PodInitializing" | "CrashLoopBackOff") => None,
        reason => told(reason, waiting.message.as_deref()),
    }
}

fn container_status(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == crate::build::CONTAINER)
}
