//! `usp plan -f`: what applying a file would change in the cluster.

use std::path::Path;

use kube::ResourceExt;
use kube::api::{DynamicObject, Patch, PatchParams, ValidationDirective};
use serde::Serialize;
use serde_json::Value;
use userstream_crds::definition::KIND;

use crate::arguments::{OutputFormat, PlanArguments};
use crate::cluster::api::connection::Connection;
use crate::cluster::api::error::ClusterError;
use crate::cluster::apply::{ApplyRequest, LAST_APPLIED};
use crate::cluster::difference::{Difference, differences};
use crate::cluster::state::State;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::resource::{self, ResourceError};
use crate::terminal::style::Style;
use crate::terminal::{Terminal, print};

/// What would become of a pipeline.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedPipeline {
    namespace: String,
    name: String,
    /// How it would be applied, in kubectl's words.
    applied_as: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
    /// What the operator computed for the spec that is there, when its mode is Plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    operators_plan: Option<OperatorsPlan>,
    /// Whether the operator would compute a plan for the spec of the file.
    mode_plan: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "camelCase")]
enum Outcome {
    /// There is none of that name.
    Create,
    /// There is one.
    Change {
        /// What differs; nothing where all is as the file says.
        changes: Vec<Difference>,
    },
    /// The API server would not take it.
    Refuse {
        /// Why, in its words.
        why: Vec<String>,
    },
}

#[derive(Debug, Serialize)]
struct OperatorsPlan {
    /// The generation of the spec that it is about.
    generation: i64,
    /// Whether that is the spec that is there.
    current: bool,
    /// One change a line.
    lines: Vec<String>,
}

/// Prints what applying the file would change, and changes nothing.
pub(super) async fn plan(
    arguments: &PlanArguments,
    file: &Path,
    terminal: Terminal,
) -> Result<Exit, CommandError> {
    let text = resource::text(file)?;
    // What is wrong by itself is told with its place in the file, which the API server does not know.
    resource::parse(file, &text)?;
    let manifests = manifests(file, &text)?;
    let connection = Connection::open(&arguments.cluster).await?;
    let mut all = Vec::new();
    for manifest in manifests {
        all.push(planned(&connection, arguments, manifest).await?);
    }
    print(&match arguments.output {
        OutputFormat::Human => to_text(&all, Style(terminal.coloured)),
        // Texts and numbers: there is nothing in it that JSON has no form for.
        OutputFormat::Json => serde_json::to_string(&all).unwrap_or_default() + "\n",
    })?;
    let is_refused = all.iter().any(|one| matches!(one.outcome, Outcome::Refuse { .. }));
    Ok(if is_refused { Exit::InvalidResource } else { Exit::Done })
}

/// The pipelines of a file as they are written, without the defaults that the API server fills in.
fn manifests(file: &Path, text: &str) -> Result<Vec<Value>, ResourceError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| ResourceError::Unreadable {
            path: file.to_path_buf(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()),
        })?;
    Ok(documents.into_iter().filter(|document| document["kind"] == KIND).collect())
}

async fn planned(
    connection: &Connection,
    arguments: &PlanArguments,
    mut manifest: Value,
) -> Result<PlannedPipeline, ClusterError> {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let namespace = match (manifest["metadata"]["namespace"].as_str(), &arguments.cluster.namespace) {
        (Some(written), Some(asked)) if written != asked => {
            let reason =
                format!("{name} says namespace {written}, and -n says {asked}: leave one of them out");
            return Err(ClusterError::Refused { reason });
        }
        (Some(written), _) => written.to_owned(),
        (None, _) => connection.namespace.clone(),
    };
    manifest["metadata"]["namespace"] = Value::from(namespace.as_str());
    let pipelines = connection.pipelines_in(&namespace);
    let live = pipelines.get_opt(&name).await.map_err(|error| connection.pipelines_failed(error))?;
    let request = ApplyRequest::of(&manifest, live.as_ref());
    let parameters = PatchParams {
        dry_run: true,
        field_manager: Some(arguments.field_manager.clone()),
        force: matches!(request, ApplyRequest::ServerSide(_)) && arguments.force_conflicts,
        field_validation: Some(ValidationDirective::Strict),
    };
    let answer = match &request {
        ApplyRequest::ClientSide(patch) => pipelines.patch(&name, &parameters, &Patch::Merge(patch)).await,
        ApplyRequest::ServerSide(manifest) => {
            pipelines.patch(&name, &parameters, &Patch::Apply(manifest)).await
        }
    };
    let outcome = match (answer, &live) {
        (Ok(_), None) => Outcome::Create,
        (Ok(after), Some(live)) => Outcome::Change { changes: changes(live, &after) },
        (Err(kube::Error::Api(status)), _) if status.code == 404 => {
            return Err(missing(connection, &namespace).await);
        }
        (Err(error), _) => match connection.failed(error) {
            ClusterError::Refused { reason } => Outcome::Refuse { why: reasons(&reason) },
            other => return Err(other),
        },
    };
    Ok(PlannedPipeline {
        applied_as: request.name(),
        outcome,
        operators_plan: live.as_ref().and_then(operators_plan),
        mode_plan: manifest.pointer("/spec/mode").and_then(Value::as_str) == Some("Plan"),
        namespace,
        name,
    })
}

/// What is missing when the API server does not find where to put a pipeline.
async fn missing(connection: &Connection, namespace: &str) -> ClusterError {
    match connection.list(&connection.pipelines_in(namespace)).await {
        Err(error) => error,
        Ok(_) => ClusterError::Refused {
            reason: format!(
                "there is no namespace {namespace}: create it with `kubectl create namespace {namespace}`"
            ),
        },
    }
}

/// What differs, leaving out what is nobody's wish: the status, and what the API server keeps books of.
fn changes(live: &DynamicObject, after: &DynamicObject) -> Vec<Difference> {
    let labels = |object: &DynamicObject| serde_json::to_value(object.labels()).ok();
    let annotations = |object: &DynamicObject| {
        let mut annotations = object.annotations().clone();
        annotations.remove(LAST_APPLIED);
        serde_json::to_value(annotations).ok()
    };
    let mut all = differences("metadata.labels", labels(live).as_ref(), labels(after).as_ref());
    all.extend(differences("metadata.annotations", annotations(live).as_ref(), annotations(after).as_ref()));
    all.extend(differences("spec", live.data.get("spec"), after.data.get("spec")));
    all
}

/// The reasons of a refusal, without the sentence around them.
fn reasons(message: &str) -> Vec<String> {
    let list = message.split_once(" is invalid: ").map_or(message, |(_, list)| list);
    let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(list);
    // Each begins with the path of a field of ours.
    let mut all: Vec<String> = Vec::new();
    for part in list.split(", ") {
        let begins = ["spec", "metadata", "<nil>"]
            .iter()
            .any(|root| part.strip_prefix(root).is_some_and(|rest| rest.starts_with(['.', ':', '['])));
        match all.last_mut() {
            Some(last) if !begins => {
                last.push_str(", ");
                last.push_str(part);
            }
            _ => all.push(part.to_owned()),
        }
    }
    all
}

fn operators_plan(live: &DynamicObject) -> Option<OperatorsPlan> {
    if live.data.pointer("/spec/mode").and_then(Value::as_str) != Some("Plan") {
        return None;
    }
    let generation = live.data.pointer("/status/observedGeneration").and_then(Value::as_i64)?;
    let conditions = live.data.pointer("/status/conditions")?.as_array()?;
    let is_planned = conditions.iter().any(|it| it["type"] == "Ready" && it["reason"] == "Planned");
    let lines = live.data.pointer("/status/plan").and_then(Value::as_array);
    let lines = lines.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    is_planned.then(|| OperatorsPlan {
        generation,
        current: live.metadata.generation == Some(generation),
        lines,
    })
}

fn to_text(all: &[PlannedPipeline], style: Style) -> String {
    let mut text = String::new();
    for one in all {
        let name = style.bold(&format!("{}/{}", one.namespace, one.name));
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        match &one.outcome {
            Outcome::Create => line(&format!("{name} would be created")),
            Outcome::Change { changes } if changes.is_empty() => {
                line(&format!("{name} would stay as it is ({})", one.applied_as));
            }
            Outcome::Change { changes } => {
                line(&format!("{name} would be changed ({}):", one.applied_as));
                for change in changes {
                    let state = match (&change.before, &change.after) {
                        (None, _) => State::Good,
                        (_, None) => State::Broken,
                        _ => State::Warning,
                    };
                    line(&format!("  {}", state.paint(style, &change.line())));
                }
            }
            Outcome::Refuse { why } => {
                line(&format!("{name} would be refused ({}):", one.applied_as));
                why.iter().for_each(|why| line(&format!("  {}", State::Broken.paint(style, why))));
            }
        }
        match &one.operators_plan {
            Some(plan) => {
                let of = if plan.current { "the spec that is there" } else { "an older spec" };
                line(&format!(
                    "  planned by the operator (mode: Plan, generation {}, {of}):",
                    plan.generation
                ));
                if plan.lines.is_empty() {
                    line("    nothing to change");
                }
                plan.lines.iter().for_each(|planned| line(&format!("    {planned}")));
            }
            None if one.would_do_something() && one.mode_plan => {
                line(
                    "  the operator then says in status.plan what would become of topic and table: see `usp status`",
                );
            }
            None if one.would_do_something() => {
                line(
                    "  what would become of topic and table, the operator computes: apply it with mode: Plan first",
                );
            }
            None => {}
        }
    }
    text
}

impl PlannedPipeline {
    fn would_do_something(&self) -> bool {
        match &self.outcome {
            Outcome::Create => true,
            Outcome::Change { changes } => !changes.is_empty(),
            Outcome::Refuse { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reasons_of_a_refusal_are_told_one_by_one() {
        let message = "UserStreamPipeline.userstream.dev \"users\" is invalid: [spec.kafka.topic.name: Invalid value: \"b\": \
                       it is immutable, ever, spec.processor: Invalid value: \"object\": no]";
        assert_eq!(
            reasons(message),
            [
                "spec.kafka.topic.name: Invalid value: \"b\": it is immutable, ever",
                "spec.processor: Invalid value: \"object\": no",
            ]
        );
        assert_eq!(reasons("admission webhook says no, never"), ["admission webhook says no, never"]);
    }

    fn live(mode: &str, reason: &str, observed: i64) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": {"name": "users", "generation": 4, "labels": {"team": "a"},
                "annotations": {LAST_APPLIED: "{}", "note": "x"}},
            "spec": {"mode": mode},
            "status": {"observedGeneration": observed, "plan": ["topic users_created: partitions 3 -> 6"],
                "conditions": [{"type": "Ready", "reason": reason}]},
        }))
        .unwrap()
    }

    #[test]
    fn the_operators_plan_is_told_only_where_there_is_one() {
        let plan = operators_plan(&live("Plan", "Planned", 4)).unwrap();
        assert_eq!((plan.current, plan.lines.len()), (true, 1));
        assert!(!operators_plan(&live("Plan", "Planned", 3)).unwrap().current);
        assert!(operators_plan(&live("Plan", "Planning", 4)).is_none());
        assert!(operators_plan(&live("Apply", "Planned", 4)).is_none());
    }

    #[test]
    fn what_kubectl_and_the_operator_note_is_no_change() {
        let before = live("Apply", "Running", 4);
        let mut after = before.clone();
        after.annotations_mut().insert(LAST_APPLIED.to_owned(), "{\"a\":1}".to_owned());
        after.data["status"] = Value::Null;
        assert_eq!(changes(&before, &after), []);
        after.labels_mut().insert("team".to_owned(), "b".to_owned());
        after.annotations_mut().remove("note");
        let lines: Vec<String> = changes(&before, &after).iter().map(Difference::line).collect();
        assert_eq!(lines, ["~ metadata.labels.team: \"a\" -> \"b\"", "- metadata.annotations.note: \"x\""]);
    }

    #[test]
    fn plans_are_printed_as_people_read_them() {
        let of = |name: &str, outcome, live: Option<&DynamicObject>, mode_plan| PlannedPipeline {
            namespace: "demo".to_owned(),
            name: name.to_owned(),
            applied_as: "kubectl apply",
            outcome,
            operators_plan: live.and_then(operators_plan),
            mode_plan,
        };
        let change = || Outcome::Change {
            changes: differences("spec", Some(&json!({"a": 1, "b": 2})), Some(&json!({"a": 2, "c": "x"}))),
        };
        let planned = live("Plan", "Planned", 4);
        let all = [
            of("new", Outcome::Create, None, false),
            of("new-plan", Outcome::Create, None, true),
            of("same", Outcome::Change { changes: Vec::new() }, None, false),
            of("other", change(), None, false),
            of("planned", change(), Some(&planned), true),
            of("wrong", Outcome::Refuse { why: vec!["spec.a: no".to_owned()] }, None, false),
        ];
        insta::assert_snapshot!(to_text(&all, Style(false)));
    }
}
