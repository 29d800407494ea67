//! How a pipeline stands in one line, and when it does not work, why.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;
use userstream_crds::names::PAUSE;
use userstream_crds::status::PipelineStatus;

use super::Node;
use crate::cluster::age::age;
use crate::cluster::hint::hint;
use crate::cluster::snapshot::Snapshot;
use crate::cluster::state::State;
use crate::terminal::count;

/// How a pipeline stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cause {
    /// In a word.
    pub(crate) state: State,
    /// In a line.
    pub(crate) text: String,
    /// What the operator says, where the line says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Cause {
    fn new(state: State, text: impl Into<String>) -> Self {
        Self { state, text: text.into(), condition: None, hint: None }
    }

    fn hinting(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

/// Whether a pipeline is ready for the spec that it has now.
pub(crate) fn is_ready(snapshot: &Snapshot) -> bool {
    let status = snapshot.status().unwrap_or_default();
    is_observed(snapshot, &status)
        && !snapshot.operator.is_down()
        && !is_being_deleted(snapshot)
        && status.holds("Ready")
}

/// The line that comes first.
pub(crate) fn cause(snapshot: &Snapshot, tree: &Node) -> Cause {
    let name = snapshot.pipeline.name_any();
    let namespace = snapshot.pipeline.namespace().unwrap_or_default();
    let status = match snapshot.status() {
        Ok(status) => status,
        Err(error) => {
            let text = format!("{name} has a status that this usp cannot read ({error})");
            let hint = "use the usp of the operator's version; `usp check` compares them".to_owned();
            return Cause::new(State::Unknown, text).hinting(Some(hint));
        }
    };
    let ready = status.condition("Ready");
    if snapshot.operator.is_down() {
        return operator_is_down(snapshot, tree);
    }
    if is_being_deleted(snapshot) {
        let why = ready.map(|ready| format!(": {}", ready.message)).unwrap_or_default();
        return Cause::new(State::Working, format!("{name} is being deleted{why}"));
    }
    if status.holds("ReconciliationPaused") {
        let text = format!("{name} is paused: the operator neither changes it nor looks at it");
        let way = format!("kubectl annotate usp {name} -n {namespace} {PAUSE}- lets it go on");
        return Cause::new(State::Warning, text).hinting(Some(way));
    }
    if !is_observed(snapshot, &status) {
        return unobserved(snapshot, &status);
    }
    let Some(ready) = ready else {
        return Cause::new(
            State::Unknown,
            format!("{name} has no condition Ready: no operator has looked at it"),
        );
    };
    if ready.status == "True" {
        return works(snapshot, &status, ready);
    }
    does_not_work(snapshot, &status, tree, ready)
}

fn operator_is_down(snapshot: &Snapshot, tree: &Node) -> Cause {
    let told = tree.children.iter().find(|node| node.title == "operator").map(|node| node.detail.clone());
    let text = format!(
        "the operator is not running ({}): what is below is as it was when it ran",
        told.unwrap_or_default()
    );
    let crate::cluster::snapshot::Operator::Installed(deployments) = &snapshot.operator else {
        return Cause::new(State::Broken, text);
    };
    let first = deployments.first().map(|it| (it.namespace().unwrap_or_default(), it.name_any()));
    let hint = first.map(|(namespace, name)| {
        format!("kubectl -n {namespace} describe deployment {name}, and its pods, say why")
    });
    Cause::new(State::Broken, text).hinting(hint)
}

fn unobserved(snapshot: &Snapshot, status: &PipelineStatus) -> Cause {
    let name = snapshot.pipeline.name_any();
    let generation = snapshot.pipeline.metadata.generation.unwrap_or_default();
    let text = match status.observed_generation {
        Some(observed) => format!(
            "{name} has changed and the operator has not looked yet (generation {generation}, looked at {observed})"
        ),
        None => format!("no operator has looked at {name} yet"),
    };
    let state = match snapshot.operator {
        crate::cluster::snapshot::Operator::Installed(_) => State::Working,
        _ => State::Broken,
    };
    let hint =
        "where this lasts, see with `usp check` whether an operator is installed and watches the namespace";
    Cause::new(state, text).hinting(Some(hint.to_owned()))
}

fn works(snapshot: &Snapshot, status: &PipelineStatus, ready: &Condition) -> Cause {
    let name = snapshot.pipeline.name_any();
    if ready.reason == "Suspended" {
        let way = hint("Suspended", snapshot);
        return Cause::new(State::Off, format!("{name} is suspended")).hinting(way);
    }
    let late = status.condition("FreshnessMet").filter(|fresh| fresh.status == "False");
    if let Some(late) = late {
        let lag = match status.processor.as_ref().and_then(|processor| processor.lag) {
            Some(lag) => format!("{} records behind", count(lag.unsigned_abs())),
            None => "lag unknown".to_owned(),
        };
        let text = format!("{name} is late, {lag}: {}", late.message);
        return Cause::new(State::Warning, text).hinting(hint("Late", snapshot));
    }
    let depth = status.dead_letter.as_ref().and_then(|letters| letters.depth).filter(|depth| *depth > 0);
    if let Some(depth) = depth {
        let text = format!("{name} works, with {} dead letters", count(depth.unsigned_abs()));
        return Cause::new(State::Warning, text).hinting(hint("DeadLetters", snapshot));
    }
    Cause::new(State::Good, format!("{name} is ready: {}", ready.message))
}

fn does_not_work(snapshot: &Snapshot, status: &PipelineStatus, tree: &Node, ready: &Condition) -> Cause {
    let name = snapshot.pipeline.name_any();
    let since = age(ready.last_transition_time.0, snapshot.now);
    let (state, word) = if ready.reason == "Planned" {
        (State::Off, "is planned")
    } else if is_underway(status) {
        (State::Working, "is not ready yet")
    } else if ready.status == "Unknown" {
        (State::Unknown, "is not known to work")
    } else {
        (State::Broken, "is not ready")
    };
    let innermost = part(status, ready)
        .and_then(|part| tree.children.iter().find(|node| node.title == part))
        .and_then(Node::innermost_broken);
    let told = format!("Ready is {} for {since} ({}): {}", ready.status, ready.reason, ready.message);
    let Some(node) = innermost else {
        let text = format!("{name} {word}: {} ({}, for {since})", ready.message, ready.reason);
        return Cause::new(state, text).hinting(hint(&ready.reason, snapshot));
    };
    let reason = node.reason.as_deref().unwrap_or(&ready.reason);
    let detail = if node.detail.is_empty() { String::new() } else { format!(": {}", node.detail) };
    Cause {
        state: State::Broken,
        text: format!("{name} is not ready: {}{detail}", node.title),
        condition: Some(told),
        hint: hint(reason, snapshot).or_else(|| hint(&ready.reason, snapshot)),
    }
}

/// The part of the tree that `Ready` speaks of: it says what one of the other conditions says. None where it is about the
/// resource as a whole, and the parts are as they were.
fn part(status: &PipelineStatus, ready: &Condition) -> Option<&'static str> {
    let says_the_same = |it: &&Condition| {
        it.type_ != "Ready" && it.reason == ready.reason && it.message == ready.message && it.status != "True"
    };
    let parts = status.conditions.iter().filter(says_the_same).find_map(|it| match it.type_.as_str() {
        "TopicReady" | "SchemaReady" | "TableReady" => Some("provisioning"),
        "ProcessorReady" => Some("processor"),
        "ProducerReady" => Some("producer"),
        _ => None,
    });
    parts.or_else(|| (ready.reason == "Planning").then_some("planning"))
}

/// How the resource as a whole stands, for the root of the tree.
pub(super) fn overall(snapshot: &Snapshot, status: &PipelineStatus) -> State {
    let ready = status.condition("Ready");
    match ready.map(|ready| (ready.status.as_str(), ready.reason.as_str())) {
        _ if !is_observed(snapshot, status) => State::Working,
        Some(("True", "Suspended")) | Some((_, "Planned")) => State::Off,
        Some(("True", _)) => State::Good,
        Some(("False", _)) if is_underway(status) => State::Working,
        Some(("False", _)) => State::Broken,
        _ => State::Unknown,
    }
}

/// Whether the operator works on it and nothing has failed.
fn is_underway(status: &PipelineStatus) -> bool {
    let is = |of: &str| status.holds(of);
    let reason = status.condition("Ready").map(|ready| ready.reason.as_str()).unwrap_or_default();
    let goes_on = matches!(
        reason,
        "Provisioning"
            | "RollingOut"
            | "TakingOver"
            | "Planning"
            | "AwaitingProvisioning"
            | "AwaitingProcessors"
            | "AwaitingFirstRun"
            | "NotHeard"
    );
    is("Reconciling") && !is("Stalled") && goes_on
}

fn is_observed(snapshot: &Snapshot, status: &PipelineStatus) -> bool {
    status.observed_generation.is_some()
        && status.observed_generation == snapshot.pipeline.metadata.generation
}

fn is_being_deleted(snapshot: &Snapshot) -> bool {
    snapshot.pipeline.metadata.deletion_timestamp.is_some()
}
