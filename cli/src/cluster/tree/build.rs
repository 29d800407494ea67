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
use crate::cluster::snapshot::{Operator, Seen, ready_replicas};
use crate::terminal::count;
use crate::terminal::style::State;

/// A pipeline as a tree.
pub(crate) fn tree(seen: &Seen) -> Node {
    let status = seen.status().unwrap_or_default();
    let mut children = vec![operator(&seen.operator)];
    children.extend(one_shot(seen, Component::Cleanup, "cleanup"));
    children.extend(one_shot(seen, Component::Plan, "planning"));
    children.extend(one_shot(seen, Component::Provision, "provisioning"));
    children.extend(producer(seen, &status));
    children.push(topic(seen, &status));
    children.extend(schema(seen, &status));
    children.extend(processor(seen, &status));
    children.push(table(seen, &status));
    children.extend(freshness(seen, &status));
    children.extend(dead_letters(&status));
    children.extend(plan(&status));
    children.extend(
        seen.hidden
            .iter()
            .map(|hidden| Node::new(State::Unknown, hidden.what, format!("not shown: {}", hidden.why))),
    );
    root(seen, &status).with(children)
}

fn root(seen: &Seen, status: &PipelineStatus) -> Node {
    let title = format!("{}/{}", seen.pipeline.namespace().unwrap_or_default(), seen.pipeline.name_any());
    let mut details: Vec<String> = Vec::new();
    details.extend(status.phase.map(|phase| format!("{phase:?}")));
    let generation = seen.pipeline.metadata.generation.unwrap_or_default();
    details.push(match status.observed_generation {
        Some(observed) if observed == generation => format!("generation {generation}"),
        Some(observed) => format!("generation {generation}, of which the operator has seen {observed}"),
        None => format!("generation {generation}, which no operator has seen"),
    });
    if seen.text("/spec/mode") == Some("Plan") {
        details.push("mode Plan".to_owned());
    }
    if let Some(created) = seen.pipeline.creation_timestamp() {
        details.push(format!("created {} ago", age(created.0, seen.now)));
    }
    Node::new(super::cause::overall(seen, status), title, details.join(", "))
}

fn operator(operator: &Operator) -> Node {
    match operator {
        Operator::Installed(deployments) => {
            let down = operator.is_down();
            let told: Vec<String> = deployments.iter().map(installed).collect();
            Node::new(if down { State::Broken } else { State::Good }, "operator", told.join("; "))
        }
        Operator::Absent => {
            Node::new(State::Unknown, "operator", "there is no Deployment of it in the cluster")
        }
        Operator::Hidden => {
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
fn one_shot(seen: &Seen, component: Component, title: &str) -> Option<Node> {
    let newest = *seen.jobs_of(component).first()?;
    let below = job(seen, newest);
    Some(Node::new(below.state, title, "").with(vec![below]))
}

fn producer(seen: &Seen, status: &PipelineStatus) -> Option<Node> {
    seen.pipeline.data.pointer("/spec/source").filter(|source| !source.is_null())?;
    let facet = status.condition("ProducerReady");
    let deployment = seen.deployments.iter().find(|it| Component::Producer.is_of(*it));
    let cron_job = seen.cron_jobs.iter().find(|it| Component::Producer.is_of(*it));
    let workload = match (deployment, cron_job) {
        (Some(deployment), _) => replicas(deployment),
        (None, Some(cron_job)) => schedule(seen, cron_job),
        (None, None) => String::new(),
    };
    let mut details = vec![workload];
    if let Some(success) = status.producer.as_ref().and_then(|producer| producer.last_success_time.as_ref()) {
        details.push(format!("last ended well {} ago", age(success.0, seen.now)));
    }
    details.extend(told(facet));
    let mut below: Vec<Node> = Vec::new();
    // Of the runs of a schedule the last, and what still runs; of those that were asked for the last.
    let scheduled = seen.jobs_of(Component::Producer);
    let shown = scheduled.iter().enumerate().filter(|(index, job)| *index == 0 || is_unfinished(job));
    below.extend(shown.map(|(_, it)| job(seen, it)));
    below.extend(seen.jobs_of(Component::Run).first().map(|it| job(seen, it)));
    let of_jobs =
        |it: &k8s_openapi::api::core::v1::Pod| it.owner_references().iter().any(|owner| owner.kind == "Job");
    below.extend(seen.pods_of(Component::Producer).filter(|it| !of_jobs(it)).map(|it| pod(seen, it)));
    Some(Node::new(facet_state(seen, facet), "producer", joined(&details)).with(below))
}

fn is_unfinished(job: &&Job) -> bool {
    finished(job).is_none()
}

fn schedule(seen: &Seen, cron_job: &CronJob) -> String {
    let spec = cron_job.spec.as_ref();
    let cron = spec.map(|spec| spec.schedule.clone()).unwrap_or_default();
    let zone = spec.and_then(|spec| spec.time_zone.clone()).unwrap_or_else(|| "UTC".to_owned());
    let suspended = if spec.and_then(|spec| spec.suspend) == Some(true) { ", suspended" } else { "" };
    let last = cron_job.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
    let last = last.map(|time| format!(", last due {} ago", age(time.0, seen.now))).unwrap_or_default();
    format!("CronJob {}: {cron} ({zone}){suspended}{last}", cron_job.name_any())
}

fn replicas(deployment: &Deployment) -> String {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    format!("Deployment {}: {} of {wanted} ready", deployment.name_any(), ready_replicas(deployment))
}

fn topic(seen: &Seen, status: &PipelineStatus) -> Node {
    let facet = status.condition("TopicReady");
    let name = seen.text("/spec/kafka/topic/name").unwrap_or_default();
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
                format!("lag {} as of {} ago", count(lag.unsigned_abs()), age(at.0, seen.now))
            }
            (Some(lag), None) => format!("lag {}", count(lag.unsigned_abs())),
            (None, _) => "lag unknown".to_owned(),
        });
    }
    details.extend(told(facet));
    Node::new(facet_state(seen, facet), format!("topic {name}"), joined(&details))
}

fn schema(seen: &Seen, status: &PipelineStatus) -> Option<Node> {
    let facet = status.condition("SchemaReady")?;
    let subject = status.schema.as_ref().map(|schema| format!(" {}", schema.subject)).unwrap_or_default();
    let version =
        status.schema.as_ref().map(|schema| format!("id {}, version {}", schema.id, schema.version));
    let details: Vec<String> = version.into_iter().chain(told(Some(facet))).collect();
    Some(Node::new(facet_state(seen, Some(facet)), format!("schema{subject}"), joined(&details)))
}

fn processor(seen: &Seen, status: &PipelineStatus) -> Option<Node> {
    let facet = status.condition("ProcessorReady");
    let deployment = seen.deployments.iter().find(|it| Component::Processor.is_of(*it));
    if facet.is_none() && deployment.is_none() {
        return None;
    }
    let details: Vec<String> = deployment.map(replicas).into_iter().chain(told(facet)).collect();
    let pods = seen.pods_of(Component::Processor).map(|it| pod(seen, it)).collect();
    Some(Node::new(facet_state(seen, facet), "processor", joined(&details)).with(pods))
}

fn table(seen: &Seen, status: &PipelineStatus) -> Node {
    let facet = status.condition("TableReady");
    let name = ["keyspace", "table"]
        .map(|of| seen.text(&format!("/spec/sink/cassandra/{of}/name")).unwrap_or_default());
    let last_row = status.processor.as_ref().and_then(|processor| processor.last_row_time.as_ref());
    let written = last_row.map(|time| format!("last row {} ago", age(time.0, seen.now)));
    let details: Vec<String> = written.into_iter().chain(told(facet)).collect();
    Node::new(facet_state(seen, facet), format!("table {}", name.join(".")), joined(&details))
}

fn freshness(seen: &Seen, status: &PipelineStatus) -> Option<Node> {
    let facet = status.condition("FreshnessMet")?;
    let state = match facet_state(seen, Some(facet)) {
        // The pipeline works, and is late.
        State::Broken | State::Working => State::Warning,
        state => state,
    };
    Some(Node::new(state, "freshness", facet.message.clone()))
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
fn facet_state(seen: &Seen, facet: Option<&Condition>) -> State {
    let Some(facet) = facet else { return State::Unknown };
    match (facet.status.as_str(), facet.reason.as_str()) {
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
        _ if seen.is("/spec/suspend") => State::Off,
        _ => State::Broken,
    }
}

/// What a condition that is not met says.
fn told(facet: Option<&Condition>) -> Option<String> {
    facet.filter(|facet| facet.status != "True").map(|facet| facet.message.clone())
}

fn joined(details: &[String]) -> String {
    let told: Vec<&str> = details.iter().map(String::as_str).filter(|detail| !detail.is_empty()).collect();
    told.join("; ")
}
