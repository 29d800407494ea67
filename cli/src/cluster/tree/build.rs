//! From what was seen to the tree, in the order of a record's way.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use userstream_crds::names::Component;
use userstream_crds::status::PipelineStatus;
use userstream_crds::worker_pod::finished;

use super::Node;
use super::workers::{job, pod};
use crate::cluster::age::age;
use crate::cluster::snapshot::{Operator, Snapshot, ready_replicas};
use crate::cluster::state::State;
use crate::terminal::count;

/// A pipeline as a tree.
pub(crate) fn tree(snapshot: &Snapshot) -> Node {
    let status = snapshot.status().unwrap_or_default();
    let mut children = vec![operator(&snapshot.operator)];
    children.extend(one_shot(snapshot, Component::Cleanup, "cleanup"));
    children.extend(one_shot(snapshot, Component::Plan, "planning"));
    children.extend(one_shot(snapshot, Component::Provision, "provisioning"));
    children.extend(producer(snapshot, &status));
    children.push(topic(snapshot, &status));
    children.extend(schema(snapshot, &status));
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
    root(snapshot, &status).with(children)
}

fn root(snapshot: &Snapshot, status: &PipelineStatus) -> Node {
    let title =
        format!("{}/{}", snapshot.pipeline.namespace().unwrap_or_default(), snapshot.pipeline.name_any());
    let mut details: Vec<String> = Vec::new();
    details.extend(status.phase.map(|phase| format!("{phase:?}")));
    let generation = snapshot.pipeline.metadata.generation.unwrap_or_default();
    details.push(match status.observed_generation {
        Some(observed) if observed == generation => format!("generation {generation}"),
        Some(observed) => format!("generation {generation}, of which the operator has seen {observed}"),
        None => format!("generation {generation}, which no operator has seen"),
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
            let down = operator.is_down();
            let told: Vec<String> = deployments.iter().map(installed).collect();
            Node::new(if down { State::Broken } else { State::Good }, "operator", told.join("; "))
        }
        Operator::NotFound => {
            Node::new(State::Unknown, "operator", "there is no Deployment of it in the cluster")
        }
        Operator::Forbidden => {
            Node::new(State::Unknown, "operator", "not shown: you may not list deployments where it is")
        }
    }
}

/// A Deployment of the operator in a line.
fn installed(deployment: &Deployment) -> String {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let version = deployment.labels().get("app.kubernetes.io/version");
    let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
    let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
    format!("{namespace}/{name}: {} of {wanted} ready{version}", ready_replicas(deployment))
}

/// The newest Job of work that is done once.
fn one_shot(snapshot: &Snapshot, component: Component, title: &str) -> Option<Node> {
    let newest = *snapshot.jobs_of(component).first()?;
    let below = job(snapshot, newest);
    Some(Node::new(below.state, title, "").with(vec![below]))
}

fn producer(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    snapshot.pipeline.data.pointer("/spec/source").filter(|source| !source.is_null())?;
    let condition = status.condition("ProducerReady");
    let deployment = snapshot.deployments.iter().find(|it| Component::Producer.is_of(*it));
    let cron_job = snapshot.cron_jobs.iter().find(|it| Component::Producer.is_of(*it));
    let workload = match (deployment, cron_job) {
        (Some(deployment), _) => replicas(deployment),
        (None, Some(cron_job)) => schedule(snapshot, cron_job),
        (None, None) => String::new(),
    };
    let mut details = vec![workload];
    if let Some(success) = status.producer.as_ref().and_then(|producer| producer.last_success_time.as_ref()) {
        details.push(format!("last ended well {} ago", age(success.0, snapshot.now)));
    }
    details.extend(told(condition));
    let mut below: Vec<Node> = Vec::new();
    // Of the runs of a schedule the last, and what still runs; of those that were asked for the last.
    let scheduled = snapshot.jobs_of(Component::Producer);
    let shown = scheduled.iter().enumerate().filter(|(index, job)| *index == 0 || is_unfinished(job));
    below.extend(shown.map(|(_, it)| job(snapshot, it)));
    below.extend(snapshot.jobs_of(Component::Run).first().map(|it| job(snapshot, it)));
    let of_jobs =
        |it: &k8s_openapi::api::core::v1::Pod| it.owner_references().iter().any(|owner| owner.kind == "Job");
    below.extend(snapshot.pods_of(Component::Producer).filter(|it| !of_jobs(it)).map(|it| pod(snapshot, it)));
    Some(Node::new(condition_state(snapshot, condition), "producer", joined(&details)).with(below))
}

fn is_unfinished(job: &&Job) -> bool {
    finished(job).is_none()
}

fn schedule(snapshot: &Snapshot, cron_job: &CronJob) -> String {
    let spec = cron_job.spec.as_ref();
    let cron = spec.map(|spec| spec.schedule.clone()).unwrap_or_default();
    let zone = spec.and_then(|spec| spec.time_zone.clone()).unwrap_or_else(|| "UTC".to_owned());
    let suspended = if spec.and_then(|spec| spec.suspend) == Some(true) { ", suspended" } else { "" };
    let last = cron_job.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
    let last = last.map(|time| format!(", last due {} ago", age(time.0, snapshot.now))).unwrap_or_default();
    format!("CronJob {}: {cron} ({zone}){suspended}{last}", cron_job.name_any())
}

fn replicas(deployment: &Deployment) -> String {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    format!("Deployment {}: {} of {wanted} ready", deployment.name_any(), ready_replicas(deployment))
}

fn topic(snapshot: &Snapshot, status: &PipelineStatus) -> Node {
    let condition = status.condition("TopicReady");
    let name = snapshot.text("/spec/kafka/topic/name").unwrap_or_default();
    let mut details = Vec::new();
    if let Some(topic) = &status.topic {
        let partitions = count(u64::from(topic.partitions.unsigned_abs()));
        details.push(match topic.replicas {
            0 => format!("{partitions} partitions"),
            replicas => format!("{partitions} partitions, {replicas} replicas"),
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
    details.extend(told(condition));
    Node::new(condition_state(snapshot, condition), format!("topic {name}"), joined(&details))
}

fn schema(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    let condition = status.condition("SchemaReady")?;
    let subject = status.schema.as_ref().map(|schema| format!(" {}", schema.subject)).unwrap_or_default();
    let version =
        status.schema.as_ref().map(|schema| format!("id {}, version {}", schema.id, schema.version));
    let details: Vec<String> = version.into_iter().chain(told(Some(condition))).collect();
    Some(Node::new(condition_state(snapshot, Some(condition)), format!("schema{subject}"), joined(&details)))
}

fn processor(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    let condition = status.condition("ProcessorReady");
    let deployment = snapshot.deployments.iter().find(|it| Component::Processor.is_of(*it));
    if condition.is_none() && deployment.is_none() {
        return None;
    }
    let details: Vec<String> = deployment.map(replicas).into_iter().chain(told(condition)).collect();
    let pods = snapshot.pods_of(Component::Processor).map(|it| pod(snapshot, it)).collect();
    Some(Node::new(condition_state(snapshot, condition), "processor", joined(&details)).with(pods))
}

fn table(snapshot: &Snapshot, status: &PipelineStatus) -> Node {
    let condition = status.condition("TableReady");
    let name = ["keyspace", "table"]
        .map(|of| snapshot.text(&format!("/spec/sink/cassandra/{of}/name")).unwrap_or_default());
    let last_row = status.processor.as_ref().and_then(|processor| processor.last_row_time.as_ref());
    let written = last_row.map(|time| format!("last row {} ago", age(time.0, snapshot.now)));
    let details: Vec<String> = written.into_iter().chain(told(condition)).collect();
    Node::new(condition_state(snapshot, condition), format!("table {}", name.join(".")), joined(&details))
}

fn freshness(snapshot: &Snapshot, status: &PipelineStatus) -> Option<Node> {
    let condition = status.condition("FreshnessMet")?;
    let state = match condition_state(snapshot, Some(condition)) {
        // The pipeline works, and is late.
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
    Some(Node::new(State::Off, "plan", "would be changed with mode: Apply").with(lines.collect()))
}

/// How a part stands, as its condition says.
fn condition_state(snapshot: &Snapshot, condition: Option<&Condition>) -> State {
    let Some(condition) = condition else { return State::Unknown };
    match (condition.status.as_str(), condition.reason.as_str()) {
        ("True", _) => State::Good,
        (_, "Suspended" | "ScaledToZero") => State::Off,
        ("Unknown", _) | (_, "LagUnknown") => State::Unknown,
        (
            _,
            "Provisioning"
            | "RollingOut"
            | "AwaitingProvisioning"
            | "AwaitingProcessors"
            | "AwaitingFirstRun",
        ) => State::Working,
        // Conditions are kept while nobody looks.
        _ if snapshot.is("/spec/suspend") => State::Off,
        _ => State::Broken,
    }
}

/// What a condition that is not met says.
fn told(condition: Option<&Condition>) -> Option<String> {
    condition.filter(|condition| condition.status != "True").map(|condition| condition.message.clone())
}

fn joined(details: &[String]) -> String {
    let told: Vec<&str> = details.iter().map(String::as_str).filter(|detail| !detail.is_empty()).collect();
    told.join("; ")
}
