//! The state of a pipeline in one line, with the root cause if it is not ready.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::names::PAUSE;
use userstream_crds::status::PipelineStatus;

use super::{Node, Part};
use crate::cluster::age::age;
use crate::cluster::hint::Problem;
use crate::cluster::snapshot::{Operator, Snapshot};
use crate::cluster::state::State;
use crate::terminal::{count, plural};

/// The state of a pipeline, and its root cause.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cause {
    /// The state.
    pub(crate) state: State,
    /// The state in one line.
    pub(crate) text: String,
    /// The condition `Ready`, where the line has more detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<String>,
    /// What the user can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Cause {
    fn new(state: State, text: impl Into<String>) -> Self {
        Self { state, text: text.into(), condition: None, hint: None }
    }

    fn with_hint(self, hint: impl Into<Option<String>>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

/// Whether a pipeline is ready for its current spec.
pub(crate) fn is_ready(snapshot: &Snapshot) -> bool {
    let status = snapshot.status().unwrap_or_default();
    is_observed(snapshot, &status)
        && !snapshot.operator.is_down()
        && !is_being_deleted(snapshot)
        && status.is_true(ConditionType::Ready)
}

/// The state of a pipeline, and its root cause.
pub(crate) fn cause(snapshot: &Snapshot, tree: &Node) -> Cause {
    let name = snapshot.pipeline.name_any();
    let status = match snapshot.status() {
        Ok(status) => status,
        Err(error) => {
            let text = format!("this usp cannot parse the status of {name} ({error})");
            let hint = "use the usp of the operator's version; `usp check` compares the versions";
            return Cause::new(State::Unknown, text).with_hint(hint.to_owned());
        }
    };
    let ready = status.find(ConditionType::Ready);
    if snapshot.operator.is_down() {
        return operator_is_down(snapshot, tree);
    }
    if is_being_deleted(snapshot) {
        let why = ready.map(|ready| format!(": {}", ready.message)).unwrap_or_default();
        return Cause::new(State::Working, format!("{name} is being deleted{why}"));
    }
    if status.is_true(ConditionType::ReconciliationPaused) {
        let namespace = snapshot.pipeline.namespace().unwrap_or_default();
        let hint = format!("to resume it: kubectl annotate usp {name} -n {namespace} {PAUSE}-");
        return Cause::new(State::Warning, format!("the reconciliation of {name} is paused")).with_hint(hint);
    }
    if !is_observed(snapshot, &status) {
        return not_reconciled(snapshot, &status);
    }
    match ready {
        None => Cause::new(State::Unknown, format!("{name} has no condition Ready yet")),
        Some(ready) if ready.status == "True" => works(snapshot, &status, ready),
        Some(ready) => does_not_work(snapshot, &status, tree, ready),
    }
}

fn operator_is_down(snapshot: &Snapshot, tree: &Node) -> Cause {
    let detail = tree.child(Part::Operator).map(|node| node.detail.clone()).unwrap_or_default();
    let text = format!("the operator is not running ({detail}): the state below may be out of date");
    let Operator::Installed(deployments) = &snapshot.operator else {
        return Cause::new(State::Broken, text);
    };
    let hint = deployments.first().map(|first| {
        let namespace = first.namespace().unwrap_or_default();
        format!("see kubectl -n {namespace} describe deployment {}, and its pods", first.name_any())
    });
    Cause::new(State::Broken, text).with_hint(hint)
}

fn not_reconciled(snapshot: &Snapshot, status: &PipelineStatus) -> Cause {
    let name = snapshot.pipeline.name_any();
    let generation = snapshot.pipeline.metadata.generation.unwrap_or_default();
    let text = match status.observed_generation {
        Some(observed) => format!(
            "the last change of {name} is not reconciled yet (generation {generation}, observed generation {observed})"
        ),
        None => format!("{name} is not reconciled yet"),
    };
    let state = match snapshot.operator {
        Operator::Installed(_) => State::Working,
        Operator::NotFound | Operator::Forbidden => State::Broken,
    };
    let hint =
        "if this persists: `usp check` shows whether an operator is installed and watches the namespace";
    Cause::new(state, text).with_hint(hint.to_owned())
}

fn works(snapshot: &Snapshot, status: &PipelineStatus, ready: &Condition) -> Cause {
    let name = snapshot.pipeline.name_any();
    if status.reason(ConditionType::Ready) == Some(Reason::Suspended) {
        let hint = Problem::Suspended.hint(snapshot);
        return Cause::new(State::Off, format!("{name} is suspended")).with_hint(hint);
    }
    let late = status.find(ConditionType::FreshnessMet).filter(|fresh| fresh.status == "False");
    if let Some(late) = late {
        let lag = match status.processor.as_ref().and_then(|processor| processor.lag) {
            Some(lag) => format!("lag {}", count(lag.unsigned_abs())),
            None => "lag unknown".to_owned(),
        };
        let text = format!("{name} is late ({lag}): {}", late.message);
        return Cause::new(State::Warning, text).with_hint(Problem::Late.hint(snapshot));
    }
    let depth = status.dead_letter.as_ref().and_then(|dead_letter| dead_letter.depth);
    if let Some(depth) = depth.filter(|depth| *depth > 0) {
        let text = format!("{name} is ready, with {}", plural(depth.unsigned_abs(), "dead letter"));
        return Cause::new(State::Warning, text).with_hint(Problem::DeadLetters.hint(snapshot));
    }
    Cause::new(State::Good, format!("{name} is ready: {}", ready.message))
}

fn does_not_work(snapshot: &Snapshot, status: &PipelineStatus, tree: &Node, ready: &Condition) -> Cause {
    let name = snapshot.pipeline.name_any();
    let since = age(ready.last_transition_time.0, snapshot.now);
    let reason = status.reason(ConditionType::Ready);
    let (state, word) = if reason == Some(Reason::Planned) {
        (State::Off, "is planned")
    } else if is_progressing(status) {
        (State::Working, "is not ready yet")
    } else if ready.status == "Unknown" {
        (State::Unknown, "is in an unknown state")
    } else {
        (State::Broken, "is not ready")
    };
    let hint = || reason.and_then(Problem::of_condition).map(|problem| problem.hint(snapshot));
    let innermost = part(status, ready).and_then(|part| tree.child(part)).and_then(Node::innermost_broken);
    let Some(node) = innermost else {
        let text = format!("{name} {word}: {} ({}, for {since})", ready.message, ready.reason);
        return Cause::new(state, text).with_hint(hint());
    };
    let detail = if node.detail.is_empty() { String::new() } else { format!(": {}", node.detail) };
    let pod_problem = node.reason.as_deref().and_then(Problem::of_pod);
    Cause {
        state: State::Broken,
        text: format!("{name} is not ready: {}{detail}", node.title),
        condition: Some(format!(
            "Ready is {} for {since} ({}): {}",
            ready.status, ready.reason, ready.message
        )),
        hint: pod_problem.map(|problem| problem.hint(snapshot)).or_else(hint),
    }
}

/// The part that `Ready` is about. `Ready` repeats reason and message of the condition of that part; `None` where it is about
/// the resource as a whole.
fn part(status: &PipelineStatus, ready: &Condition) -> Option<Part> {
    let is_repeated = |it: &&Condition| {
        it.type_ != ready.type_
            && it.reason == ready.reason
            && it.message == ready.message
            && it.status != "True"
    };
    let repeated = status.conditions.iter().filter(is_repeated);
    let part =
        repeated.filter_map(|it| it.type_.parse().ok()).find_map(|condition_type| match condition_type {
            ConditionType::TopicReady | ConditionType::SchemaReady | ConditionType::TableReady => {
                Some(Part::Provisioning)
            }
            ConditionType::ProcessorReady => Some(Part::Processor),
            ConditionType::ProducerReady => Some(Part::Producer),
            _ => None,
        });
    let is_planning = status.reason(ConditionType::Ready) == Some(Reason::Planning);
    part.or_else(|| is_planning.then_some(Part::Planning))
}

/// The state of the resource as a whole, for the root of the tree.
pub(super) fn overall(snapshot: &Snapshot, status: &PipelineStatus) -> State {
    let ready = status.find(ConditionType::Ready).map(|ready| ready.status.as_str());
    let reason = status.reason(ConditionType::Ready);
    match (ready, reason) {
        _ if !is_observed(snapshot, status) => State::Working,
        (Some("True"), Some(Reason::Suspended)) | (_, Some(Reason::Planned)) => State::Off,
        (Some("True"), _) => State::Good,
        (Some("False"), _) if is_progressing(status) => State::Working,
        (Some("False"), _) => State::Broken,
        _ => State::Unknown,
    }
}

/// Whether the operator progresses towards the spec, and nothing has failed.
fn is_progressing(status: &PipelineStatus) -> bool {
    let progresses = matches!(
        status.reason(ConditionType::Ready),
        Some(
            Reason::Provisioning
                | Reason::RollingOut
                | Reason::TakingOver
                | Reason::Planning
                | Reason::AwaitingProvisioning
                | Reason::AwaitingProcessors
                | Reason::AwaitingFirstRun
                | Reason::RunsUnknown
        )
    );
    progresses && status.is_true(ConditionType::Reconciling) && !status.is_true(ConditionType::Stalled)
}

/// Whether the operator has reconciled the current spec.
fn is_observed(snapshot: &Snapshot, status: &PipelineStatus) -> bool {
    status.observed_generation.is_some()
        && status.observed_generation == snapshot.pipeline.metadata.generation
}

fn is_being_deleted(snapshot: &Snapshot) -> bool {
    snapshot.pipeline.metadata.deletion_timestamp.is_some()
}
