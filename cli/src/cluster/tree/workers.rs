//! Jobs and pods in the tree.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use userstream_crds::names::Component;
use userstream_crds::worker_pod::{CRASH_LOOP, container, finished, is_running, last_termination, obstacle};
use userstream_crds::worker_status::WorkerStatus;

use super::Node;
use crate::cluster::age::age;
use crate::cluster::snapshot::Snapshot;
use crate::cluster::state::State;
use crate::terminal::count;

/// A Job, with its pods unless it ended well.
pub(super) fn job(snapshot: &Snapshot, job: &Job) -> Node {
    let name = job.name_any();
    let status = job.status.as_ref();
    let at = |time: Option<Timestamp>| {
        time.map(|time| format!(" {} ago", age(time, snapshot.now))).unwrap_or_default()
    };
    let completed = status.and_then(|status| status.completion_time.as_ref()).map(|time| time.0);
    let started = status.and_then(|status| status.start_time.as_ref()).map(|time| time.0);
    let pods: Vec<&Pod> = snapshot.pods_of_job(&name).collect();
    let last = last_termination(pods.iter().copied());
    let said = last.as_ref().map(|last| format!(": {}", last.message)).unwrap_or_default();
    let title = format!("Job {name}");
    let failed = status.and_then(|status| status.failed).unwrap_or_default();
    match finished(job) {
        Some(true) => Node::new(State::Good, title, format!("ended well{}{said}", at(completed))),
        Some(false) => {
            let failed_at = failed_at(job);
            Node::new(State::Broken, title, format!("failed{}{said}", at(failed_at)))
                .with(pods.into_iter().map(|it| pod(snapshot, it)).collect())
        }
        None => {
            let below: Vec<Node> = pods.into_iter().map(|it| pod(snapshot, it)).collect();
            let is_stuck = below.iter().any(|it| it.state == State::Broken);
            let state = if is_stuck || failed > 0 { State::Broken } else { State::Working };
            let attempts = if failed > 0 {
                format!(", {failed} attempts failed, is tried again{said}")
            } else {
                String::new()
            };
            let since = started.map(|time| format!(" for {}", age(time, snapshot.now))).unwrap_or_default();
            Node::new(state, title, format!("runs{since}{attempts}")).with(below)
        }
    }
}

fn failed_at(job: &Job) -> Option<Timestamp> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| condition.type_ == "Failed")?;
    failed.last_transition_time.as_ref().map(|time| time.0)
}

/// A pod.
pub(super) fn pod(snapshot: &Snapshot, pod: &Pod) -> Node {
    let name = pod.name_any();
    let title = format!("pod {name}");
    let restarts = container(pod).map(|status| status.restart_count).unwrap_or_default();
    let restarted = if restarts > 0 { format!(", {restarts} restarts") } else { String::new() };
    if pod.metadata.deletion_timestamp.is_some() {
        return Node::new(State::Working, title, "is ending");
    }
    let last = last_termination(std::iter::once(pod));
    if let Some(obstacle) = obstacle(pod) {
        // A crash is told best by whoever crashed.
        let why = match &last {
            Some(last) if obstacle.reason == CRASH_LOOP => last.message.clone(),
            _ => obstacle.message,
        };
        let why = if why.is_empty() { why } else { format!(": {why}") };
        return Node::new(State::Broken, title, format!("{}{why}{restarted}", obstacle.reason))
            .because(&obstacle.reason);
    }
    if !is_running(pod) {
        return match last {
            Some(last) if last.exit_code == 0 => Node::new(State::Good, title, last.message),
            Some(last) => {
                Node::new(State::Broken, title, format!("exit code {}: {}", last.exit_code, last.message))
            }
            None => Node::new(State::Working, title, "is starting"),
        };
    }
    let is_ready = container(pod).is_some_and(|status| status.ready);
    let stays = Component::Processor.is_of(pod) || Component::Producer.is_of(pod);
    let report = snapshot.reports.get(&name);
    let told = match report {
        Some(Ok(report)) if Component::Processor.is_of(pod) => processing(report),
        Some(Ok(report)) => missing(report),
        Some(Err(why)) => format!("; its own status is not known: {why}"),
        None => String::new(),
    };
    match (is_ready, last) {
        (true, _) => Node::new(State::Good, title, format!("runs{restarted}{told}")),
        (false, Some(last)) if last.exit_code != 0 && stays => Node::new(
            State::Broken,
            title,
            format!(
                "not ready{restarted}; ended last with exit code {}: {}{told}",
                last.exit_code, last.message
            ),
        ),
        (false, _) if stays => Node::new(State::Working, title, format!("runs, not ready{restarted}{told}")),
        (false, _) => Node::new(State::Working, title, format!("runs{restarted}{told}")),
    }
}

fn processing(report: &WorkerStatus) -> String {
    let status = &report.processor;
    let partitions = match &status.partitions {
        None => "no partitions assigned yet".to_owned(),
        Some(partitions) if partitions.is_empty() => "no partitions".to_owned(),
        Some(partitions) => {
            let numbers: Vec<String> = partitions.iter().map(|it| it.partition.to_string()).collect();
            let plural = if partitions.len() == 1 { "" } else { "s" };
            format!("partition{plural} {}", numbers.join(","))
        }
    };
    let lag = status.lag.map_or_else(|| "unknown".to_owned(), |lag| count(lag.unsigned_abs()));
    format!("; {partitions}, lag {lag}, {} rows written{}", count(status.written), missing(report))
}

fn missing(report: &WorkerStatus) -> String {
    if report.missing.is_empty() {
        String::new()
    } else {
        format!("; missing: {}", report.missing.join("; "))
    }
}
