//! The plan of an apply: what the API server answered to a dry run, compared with the live object. Pure.

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::Value;
use userstream_crds::condition::{ConditionType, Reason};

use super::apply::LAST_APPLIED;
use super::difference::{Difference, differences};
use super::state::State;
use crate::terminal::style::Style;

/// The plan of one pipeline.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplyPlan {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The equivalent kubectl command.
    pub(crate) applied_as: &'static str,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// The operator's plan for the live spec, under `mode: Plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operators_plan: Option<OperatorsPlan>,
    /// Whether the manifest has `mode: Plan`.
    pub(crate) mode_plan: bool,
}

/// The outcome of a dry run.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// The pipeline would be created.
    Create,
    /// The pipeline would be changed.
    Change {
        /// The differences; empty if the live object matches the manifest.
        changes: Vec<Difference>,
    },
    /// The API server would reject the manifest.
    Refuse {
        /// The reasons of the API server.
        why: Vec<String>,
    },
}

/// What the operator planned under `mode: Plan`.
#[derive(Debug, Serialize)]
pub(crate) struct OperatorsPlan {
    /// The generation of the planned spec.
    generation: i64,
    /// Whether this is the live spec.
    current: bool,
    /// One change a line.
    lines: Vec<String>,
}

/// The differences of labels, annotations and spec. Status and managed annotations are no changes of a user.
pub(crate) fn changes(live: &DynamicObject, after: &DynamicObject) -> Vec<Difference> {
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

/// Splits the message of a rejection into its reasons.
pub(crate) fn reasons(message: &str) -> Vec<String> {
    let list = message.split_once(" is invalid: ").map_or(message, |(_, list)| list);
    let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(list);
    // A reason can contain the separator, so it ends only where the path of another field follows.
    let mut all: Vec<String> = Vec::new();
    for part in list.split(", ") {
        let is_start = ["spec", "metadata", "<nil>"]
            .iter()
            .any(|root| part.strip_prefix(root).is_some_and(|rest| rest.starts_with(['.', ':', '['])));
        match all.last_mut() {
            Some(last) if !is_start => {
                last.push_str(", ");
                last.push_str(part);
            }
            _ => all.push(part.to_owned()),
        }
    }
    all
}

/// The operator's plan in the status of a live object; `None` before the operator has planned.
pub(crate) fn operators_plan(live: &DynamicObject) -> Option<OperatorsPlan> {
    if live.data.pointer("/spec/mode").and_then(Value::as_str) != Some("Plan") {
        return None;
    }
    let generation = live.data.pointer("/status/observedGeneration").and_then(Value::as_i64)?;
    let conditions = live.data.pointer("/status/conditions")?.as_array()?;
    let is_planned = conditions
        .iter()
        .any(|it| it["type"] == ConditionType::Ready.name() && it["reason"] == Reason::Planned.name());
    let lines = live.data.pointer("/status/plan").and_then(Value::as_array);
    let lines = lines.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    is_planned.then(|| OperatorsPlan {
        generation,
        current: live.metadata.generation == Some(generation),
        lines,
    })
}

/// Renders plans as text.
pub(crate) fn to_text(plans: &[ApplyPlan], style: Style) -> String {
    let lines =
        plans.iter().flat_map(|plan| plan.outcome_lines(style).into_iter().chain(plan.operator_lines()));
    lines.map(|line| line + "\n").collect()
}

impl ApplyPlan {
    fn outcome_lines(&self, style: Style) -> Vec<String> {
        let name = style.bold(&format!("{}/{}", self.namespace, self.name));
        let applied_as = self.applied_as;
        match &self.outcome {
            Outcome::Create => vec![format!("{name} would be created")],
            Outcome::Change { changes } if changes.is_empty() => {
                vec![format!("{name} would be unchanged ({applied_as})")]
            }
            Outcome::Change { changes } => {
                let mut lines = vec![format!("{name} would be changed ({applied_as}):")];
                lines.extend(changes.iter().map(|change| {
                    let state = match (&change.before, &change.after) {
                        (None, _) => State::Good,
                        (_, None) => State::Broken,
                        _ => State::Warning,
                    };
                    format!("  {}", state.paint(style, &change.line()))
                }));
                lines
            }
            Outcome::Refuse { why } => {
                let mut lines = vec![format!("{name} would be rejected ({applied_as}):")];
                lines.extend(why.iter().map(|why| format!("  {}", State::Broken.paint(style, why))));
                lines
            }
        }
    }

    /// The operator's plan, or how to get one.
    fn operator_lines(&self) -> Vec<String> {
        match &self.operators_plan {
            Some(plan) => {
                let spec = if plan.current { "the live spec" } else { "an older spec" };
                let generation = plan.generation;
                let mut lines =
                    vec![format!("  planned by the operator (mode: Plan, generation {generation}, {spec}):")];
                if plan.lines.is_empty() {
                    lines.push("    no changes".to_owned());
                }
                lines.extend(plan.lines.iter().map(|line| format!("    {line}")));
                lines
            }
            None if !self.has_changes() => Vec::new(),
            None if self.mode_plan => {
                vec!["  for topic and table, see `usp status` once the operator has planned".to_owned()]
            }
            None => {
                vec![
                    "  for topic and table, apply the file with mode: Plan: the operator plans them"
                        .to_owned(),
                ]
            }
        }
    }

    fn has_changes(&self) -> bool {
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
    fn rejection_is_split_into_its_reasons() {
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
    fn operators_plan_is_shown_only_in_mode_plan() {
        let plan = operators_plan(&live("Plan", "Planned", 4)).unwrap();
        assert_eq!((plan.current, plan.lines.len()), (true, 1));
        assert!(!operators_plan(&live("Plan", "Planned", 3)).unwrap().current);
        assert!(operators_plan(&live("Plan", "Planning", 4)).is_none());
        assert!(operators_plan(&live("Apply", "Planned", 4)).is_none());
    }

    #[test]
    fn last_applied_and_status_are_no_changes() {
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
    fn text_shows_each_outcome() {
        let of = |name: &str, outcome, live: Option<&DynamicObject>, mode_plan| ApplyPlan {
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
