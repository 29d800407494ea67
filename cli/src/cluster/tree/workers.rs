//! Jobs and pods in the tree.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use userstream_crds::names::Component;
use userstream_crds::worker_pod::{
    CRASH_LOOP, Obstacle, Termination, container, finished, is_running, last_termination, obstacle,
};
use userstream_crds::worker_status::WorkerStatus;

use super::Node;
use crate::cluster::age::age;
use crate::cluster::snapshot::Snapshot;
use crate::cluster::state::State;
use crate::terminal::{count, plural};

/// The node of a Job, with its pods unless it succeeded.
pub(super) fn job(snapshot: &Snapshot, job: &Job) -> Node {
    let name = job.name_any();
    let title = format!("Job {name}");
    let status = job.status.as_ref();
    let ago = |time: Option<Timestamp>| {
        time.map(|time| format!(" {} ago", age(time, snapshot.now))).unwrap_or_default()
    };
    let pods: Vec<&Pod> = snapshot.pods_of_job(&name).collect();
    let last = last_termination(pods.iter().copied());
    let message = last.map(|last| format!(": {}", last.message)).unwrap_or_default();
    let nodes = || -> Vec<Node> { pods.iter().map(|it| pod(snapshot, it)).collect() };
    match finished(job) {
        Some(true) => {
            let completed = status.and_then(|status| status.completion_time.as_ref()).map(|time| time.0);
            Node::new(State::Good, title, format!("succeeded{}{message}", ago(completed)))
        }
        Some(false) => Node::new(State::Broken, title, format!("failed{}{message}", ago(failed_at(job))))
            .with_children(nodes()),
        None => {
            let started = status.and_then(|status| status.start_time.as_ref());
            let since = started.map(|time| format!(" for {}", age(time.0, snapshot.now))).unwrap_or_default();
            let failed = status.and_then(|status| status.failed).unwrap_or_default();
            let attempts = match failed {
                0 => String::new(),
                failed => {
                    let attempts = plural(u64::from(failed.unsigned_abs()), "attempt");
                    format!(", {attempts} failed, retrying{message}")
                }
            };
            let nodes = nodes();
            let is_stuck = failed > 0 || nodes.iter().any(|it| it.state == State::Broken);
            let state = if is_stuck { State::Broken } else { State::Working };
            Node::new(state, title, format!("running{since}{attempts}")).with_children(nodes)
        }
    }
}

fn failed_at(job: &Job) -> Option<Timestamp> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| condition.type_ == "Failed")?;
    failed.last_transition_time.as_ref().map(|time| time.0)
}

/// The node of a pod.
pub(super) fn pod(snapshot: &Snapshot, pod: &Pod) -> Node {
    let title = format!("pod {}", pod.name_any());
    if pod.metadata.deletion_timestamp.is_some() {
        return Node::new(State::Working, title, "terminating");
    }
    let last = last_termination(std::iter::once(pod));
    if let Some(obstacle) = obstacle(pod) {
        return blocked(pod, title, obstacle, last);
    }
    if is_running(pod) {
        return running(snapshot, pod, title, last);
    }
    match last {
        Some(last) if last.exit_code == 0 => Node::new(State::Good, title, last.message),
        Some(last) => {
            Node::new(State::Broken, title, format!("exit code {}: {}", last.exit_code, last.message))
        }
        None => Node::new(State::Working, title, "starting"),
    }
}

/// A pod that does not start, or that crashes.
fn blocked(pod: &Pod, title: String, obstacle: Obstacle, last: Option<Termination>) -> Node {
    let why = match last {
        // The termination message says why the worker crashed. Kubernetes only knows that it did.
        Some(last) if obstacle.reason == CRASH_LOOP => last.message,
        _ => obstacle.message,
    };
    let why = if why.is_empty() { why } else { format!(": {why}") };
    Node::new(State::Broken, title, format!("{}{why}{}", obstacle.reason, restarts(pod)))
        .with_reason(&obstacle.reason)
}

fn running(snapshot: &Snapshot, pod: &Pod, title: String, last: Option<Termination>) -> Node {
    let is_ready = container(pod).is_some_and(|status| status.ready);
    let has_probe = Component::Processor.is_of(pod) || Component::Producer.is_of(pod);
    let restarts = restarts(pod);
    let report = match snapshot.reports.get(&pod.name_any()) {
        Some(Ok(report)) if Component::Processor.is_of(pod) => processing(report),
        Some(Ok(report)) => missing(report),
        Some(Err(why)) => format!("; status unknown: {why}"),
        None => String::new(),
    };
    let (state, detail) = match last {
        _ if is_ready => (State::Good, format!("running{restarts}{report}")),
        Some(last) if last.exit_code != 0 && has_probe => {
            let exit = format!("last exit code {}: {}", last.exit_code, last.message);
            (State::Broken, format!("not ready{restarts}; {exit}{report}"))
        }
        _ if has_probe => (State::Working, format!("running, not ready{restarts}{report}")),
        _ => (State::Working, format!("running{restarts}{report}")),
    };
    Node::new(state, title, detail)
}

fn restarts(pod: &Pod) -> String {
    match container(pod).map(|status| status.restart_count).unwrap_or_default() {
        0 => String::new(),
        restarts => format!(", {}", plural(u64::from(restarts.unsigned_abs()), "restart")),
    }
}

fn processing(report: &WorkerStatus) -> String {
    let status = &report.processor;
    let partitions = match &status.partitions {
        None => "no partitions assigned yet".to_owned(),
        Some(partitions) if partitions.is_empty() => "no partitions".to_owned(),
        Some(partitions) => {
            let numbers: Vec<String> = partitions.iter().map(|it| it.partition.to_string()).collect();
            let suffix = if partitions.len() == 1 { "" } else { "s" };
            format!("partition{suffix} {}", numbers.join(","))
        }
    };
    let lag = status.lag.map_or_else(|| "unknown".to_owned(), |lag| count(lag.unsigned_abs()));
    format!("; {partitions}, lag {lag}, {} written{}", plural(status.written, "row"), missing(report))
}

fn missing(report: &WorkerStatus) -> String {
    if report.missing.is_empty() {
        String::new()
    } else {
        format!("; missing: {}", report.missing.join("; "))
    }
}
