//! Builds the tree of a snapshot, in the order in which records flow.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::names::Component;
use userstream_crds::status::PipelineStatus;
use userstream_crds::worker_pod::finished;

use super::workers::{job, pod};
use super::{Node, Part};
use crate::cluster::age::age;
use crate::cluster::snapshot::{Operator, Snapshot, ready_replicas};
use crate::cluster::state::State;
use crate::terminal::{count, plural};

/// Builds the tree of a pipeline.
pub(crate) fn tree(snapshot: &Snapshot) -> Node {
    let status = snapshot.status().unwrap_or_default();
    let mut children = vec![operator(&snapshot.operator)];
    children.extend(newest_job(snapshot, Component::Cleanup, Part::Cleanup));
    children.extend(newest_job(snapshot, Component::Plan, Part::Planning));
    children.extend(newest_job(snapshot, Component::Provision, Part::Provisioning));
    children.extend(producer(snapshot, &status));
    children.push(topic(snapshot, &status));
    children.extend(processor(snapshot, &status));
    children.push(table(snapshot, &status));
    children.extend(freshness(snapshot, &status));
    children.extend(dead_letters(&status));
    children.extend(plan(&status));
    children.extend(
        snapshot.forbidden.iter().map(|forbidden| {
            Node::new(State::Unknown, forbidden.what, format!("not shown: {}", forbidden.why))
        }),
    );
    root(snapshot, &status).with_children(children)
}

fn root(snapshot: &Snapshot, status: &PipelineStatus) -> Node {
    let title =
        format!("{}/{}", snapshot.pipeline.namespace().unwrap_or_default(), snapshot.pipeline.name_any());
    let mut details: Vec<String> = Vec::new();
    details.extend(status.phase.map(|phase| format!("{phase:?}")));
    let generation = snapshot.pipeline.metadata.generation.unwrap_or_default();
    details.push(match status.observed_generation {
        Some(observed) if observed == generation => format!("generation {generation}"),
        Some(observed) => format!("generation {generation}, observed generation {observed}"),
        None => format!("generation {generation}, not observed yet"),
    });
    if snapshot.text("/spec/mode") == Some("Plan") {
        details.push("mode Plan".to_owned());
    }
    if let Some(created) = snapshot.pipeline.creation_timestamp() {
        details.push(format!("created {} ago", age(created.0, snapshot.now)));
    }
    Node::new(super::cause::overall(snapshot, status), title, details.join(", "))
}

fn operator(operator: &Operator) -> Node {
    match operator {
        Operator::Installed(deployments) => {
            let state = if operator.is_down() { State::Broken } else { State::Good };
            let details: Vec<String> = deployments.iter().map(installed).collect();
            Node::of_part(Part::Operator, state, details.join("; "))
        }
        Operator::NotFound => {
            Node::of_part(Part::Operator, State::Unknown, "no Deployment found in the cluster")
        }
        Operator::Forbidden => {
            Node::of_part(Part::Operator, State::Unknown, "not shown: you may not list its Deployments")
        }
    }
}

/// A Deployment of the operator in one line.
fn installed(deployment: &Deployment) -> String {
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let version = deployment.labels().get("app.kubernetes.io/version");
    let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
    let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
    format!("{namespace}/{name}: {} of {desired} ready{version}", ready_replicas(deployment))
}

/// The newest Job of a component.
fn newest_job(snapshot: &Snapshot, component: Component, part: Part) -> Option<Node> {
    let newest = *snapshot.jobs_of(component).first()?;
    let below = job(snapshot, newest);
    Some(Node::of_part(part, below.state, "").with_children(vec![below]))
}

fn producer(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    snapshot.pipeline.data.pointer("/spec/source").filter(|source| !source.is_null())?;
    let condition = status.find(ConditionType::ProducerReady);
    let deployment = snapshot.deployments.iter().find(|it| Component::Producer.is_of(*it));
    let cron_job = snapshot.cron_jobs.iter().find(|it| Component::Producer.is_of(*it));
    let mut details = vec![match (deployment, cron_job) {
        (Some(deployment), _) => replicas(deployment),
        (None, Some(cron_job)) => schedule(snapshot, cron_job),
        (None, None) => String::new(),
    }];
    if let Some(success) = status.producer.as_ref().and_then(|producer| producer.last_success_time.as_ref()) {
        details.push(format!("last success {} ago", age(success.0, snapshot.now)));
    }
    details.extend(message(condition));
    let node = Node::of_part(Part::Producer, condition_state(snapshot, condition), joined(&details));
    Some(node.with_children(producer_workers(snapshot)))
}

/// The newest scheduled Job and every unfinished one, the newest Job of `usp run`, and the pods of a Deployment.
fn producer_workers(snapshot: &Snapshot) -> Vec<Node> {
    let is_unfinished = |job: &Job| finished(job).is_none();
    let has_job = |pod: &&Pod| pod.owner_references().iter().any(|owner| owner.kind == "Job");
    let mut nodes: Vec<Node> = Vec::new();
    for (index, scheduled) in snapshot.jobs_of(Component::Producer).into_iter().enumerate() {
        if index == 0 || is_unfinished(scheduled) {
            nodes.push(job(snapshot, scheduled));
        }
    }
    nodes.extend(snapshot.jobs_of(Component::Run).first().map(|it| job(snapshot, it)));
    nodes.extend(snapshot.pods_of(Component::Producer).filter(|it| !has_job(it)).map(|it| pod(snapshot, it)));
    nodes
}

fn schedule(snapshot: &Snapshot, cron_job: &CronJob) -> String {
    let spec = cron_job.spec.as_ref();
    let cron = spec.map(|spec| spec.schedule.clone()).unwrap_or_default();
    let zone = spec.and_then(|spec| spec.time_zone.clone()).unwrap_or_else(|| "UTC".to_owned());
    let suspended = if spec.and_then(|spec| spec.suspend) == Some(true) { ", suspended" } else { "" };
    let last = cron_job.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
    let last =
        last.map(|time| format!(", last scheduled {} ago", age(time.0, snapshot.now))).unwrap_or_default();
    format!("CronJob {}: {cron} ({zone}){suspended}{last}", cron_job.name_any())
}

fn replicas(deployment: &Deployment) -> String {
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    format!("Deployment {}: {} of {desired} ready", deployment.name_any(), ready_replicas(deployment))
}

fn topic(snapshot: &Snapshot, status: &PipelineStatus) -> Node {
    let condition = status.find(ConditionType::TopicReady);
    let name = snapshot.text("/spec/kafka/topic/name").unwrap_or_default();
    let mut details = Vec::new();
    if let Some(topic) = &status.topic {
        let partitions = plural(u64::from(topic.partitions.unsigned_abs()), "partition");
        details.push(match topic.replicas {
            0 => partitions,
            replicas => format!("{partitions}, {}", plural(u64::from(replicas.unsigned_abs()), "replica")),
        });
    }
    if let Some(processor) = &status.processor {
        details.push(match (processor.lag, &processor.lag_observed_time) {
            (Some(lag), Some(at)) => {
                format!("lag {} as of {} ago", count(lag.unsigned_abs()), age(at.0, snapshot.now))
            }
            (Some(lag), None) => format!("lag {}", count(lag.unsigned_abs())),
            (None, _) => "lag unknown".to_owned(),
        });
    }
    details.extend(message(condition));
    Node::new(condition_state(snapshot, condition), format!("topic {name}"), joined(&details))
}

fn processor(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    let condition = status.find(ConditionType::ProcessorReady);
    let deployment = snapshot.deployments.iter().find(|it| Component::Processor.is_of(*it));
    if condition.is_none() && deployment.is_none() {
        return None;
    }
    let details: Vec<String> = deployment.map(replicas).into_iter().chain(message(condition)).collect();
    let pods = snapshot.pods_of(Component::Processor).map(|it| pod(snapshot, it)).collect();
    let node = Node::of_part(Part::Processor, condition_state(snapshot, condition), joined(&details));
    Some(node.with_children(pods))
}

fn table(snapshot: &Snapshot, status: &PipelineStatus) -> Node {
    let condition = status.find(ConditionType::TableReady);
    let name = ["keyspace", "table"]
        .map(|of| snapshot.text(&format!("/spec/sink/cassandra/{of}/name")).unwrap_or_default());
    let last_row = status.processor.as_ref().and_then(|processor| processor.last_row_time.as_ref());
    let written = last_row.map(|time| format!("last row {} ago", age(time.0, snapshot.now)));
    let details: Vec<String> = written.into_iter().chain(message(condition)).collect();
    Node::new(condition_state(snapshot, condition), format!("table {}", name.join(".")), joined(&details))
}

fn freshness(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    let condition = status.find(ConditionType::FreshnessMet)?;
    let state = match condition_state(snapshot, Some(condition)) {
        // A late pipeline still works.
        State::Broken | State::Working => State::Warning,
        state => state,
    };
    Some(Node::new(state, "freshness", condition.message.clone()))
}

fn dead_letters(status: &PipelineStatus) -> Option<Node> {
    let depth = status.dead_letter.as_ref()?.depth?;
    let state = if depth > 0 { State::Warning } else { State::Good };
    Some(Node::new(state, "dead letters", count(depth.unsigned_abs())))
}

fn plan(status: &PipelineStatus) -> Option<Node> {
    if status.plan.is_empty() {
        return None;
    }
    let lines = status.plan.iter().map(|line| {
        let state = if line.starts_with("refused: ") { State::Broken } else { State::Working };
        Node::new(state, line.clone(), "")
    });
    let node = Node::new(State::Off, "plan", "the changes of mode: Apply");
    Some(node.with_children(lines.collect()))
}

/// The state of a part, from its condition.
fn condition_state(snapshot: &Snapshot, condition: Option<&Condition>) -> State {
    let Some(condition) = condition else { return State::Unknown };
    match (condition.status.as_str(), condition.reason.parse().ok()) {
        ("True", _) => State::Good,
        (_, Some(Reason::Suspended | Reason::ScaledToZero)) => State::Off,
        ("Unknown", _) | (_, Some(Reason::LagUnknown)) => State::Unknown,
        (
            _,
            Some(
                Reason::Provisioning
                | Reason::RollingOut
                | Reason::AwaitingProvisioning
                | Reason::AwaitingProcessors
                | Reason::AwaitingFirstRun,
            ),
        ) => State::Working,
        // The operator does not update conditions while a pipeline is suspended.
        _ if snapshot.is("/spec/suspend") => State::Off,
        _ => State::Broken,
    }
}

/// The message of a condition that is not True.
fn message(condition: Option<&Condition>) -> Option<String> {
    condition.filter(|condition| condition.status != "True").map(|condition| condition.message.clone())
}

fn joined(details: &[String]) -> String {
    let details: Vec<&str> = details.iter().map(String::as_str).filter(|detail| !detail.is_empty()).collect();
    details.join("; ")
}
