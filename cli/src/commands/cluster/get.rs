//! `usp get`: lists pipelines as a table like that of `kubectl get`, or as resources.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::Value;
use userstream_crds::condition::ConditionType;

use super::document::document;
use crate::arguments::{DocumentFormat, GetArguments, ListFormat};
use crate::cluster::age::age;
use crate::cluster::api::connection::Connection;
use crate::cluster::state::State;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::columns::column_widths;
use crate::terminal::style::Style;
use crate::terminal::{Terminal, print, print_error};
use crate::terminal::{fit, left};

/// The maximum width of a cell, so that one long message leaves room for the rest.
const MAX_CELL_WIDTH: usize = 60;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'p> {
    api_version: &'static str,
    kind: &'static str,
    items: &'p [DynamicObject],
}

/// Prints the selected pipelines.
pub(super) async fn get(arguments: &GetArguments, terminal: Terminal) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let pipelines = if arguments.all_namespaces {
        connection.list(&connection.all_pipelines()).await?
    } else if arguments.names.is_empty() {
        connection.list(&connection.pipelines()).await?
    } else {
        let mut found = Vec::new();
        for name in &arguments.names {
            found.push(connection.pipeline(name).await?);
        }
        found
    };
    let format = match arguments.output {
        ListFormat::Human | ListFormat::Wide => DocumentFormat::Human,
        ListFormat::Json => DocumentFormat::Json,
        ListFormat::Yaml => DocumentFormat::Yaml,
    };
    let text = match pipelines.as_slice() {
        [one] if arguments.names.len() == 1 => document(one, format),
        items => document(&List { api_version: "v1", kind: "List", items }, format),
    };
    if let Some(text) = text {
        print(&text)?;
        return Ok(Exit::Done);
    }
    if pipelines.is_empty() {
        print_error(&match arguments.all_namespaces {
            true => "No resources found".to_owned(),
            false => format!("No resources found in {} namespace.", connection.namespace),
        });
        return Ok(Exit::Done);
    }
    let columns = Columns { namespace: arguments.all_namespaces, wide: arguments.output == ListFormat::Wide };
    print(&table(&pipelines, columns, Timestamp::now(), Style(terminal.coloured)))?;
    Ok(Exit::Done)
}

/// The optional columns.
#[derive(Clone, Copy)]
struct Columns {
    namespace: bool,
    wide: bool,
}

struct Cell {
    text: String,
    state: Option<State>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, state: None }
    }
}

fn table(pipelines: &[DynamicObject], columns: Columns, now: Timestamp, style: Style) -> String {
    let mut titles = vec!["NAME", "READY", "STATUS", "SCHEDULE", "LAG", "DLQ", "AGE"];
    if columns.namespace {
        titles.insert(0, "NAMESPACE");
    }
    if columns.wide {
        titles.extend(["TOPIC", "TABLE", "PROCESSORS", "MESSAGE"]);
    }
    let mut lines: Vec<Vec<Cell>> = vec![titles.into_iter().map(|title| title.to_owned().into()).collect()];
    lines.extend(pipelines.iter().map(|pipeline| cells(pipeline, columns, now)));
    aligned(&lines, style)
}

fn cells(pipeline: &DynamicObject, columns: Columns, now: Timestamp) -> Vec<Cell> {
    let at = |path: &str| text(pipeline.data.pointer(path));
    let ready = ready(pipeline);
    let ready_field = |of: fn(&Condition) -> &String| ready.as_ref().map(of).cloned().unwrap_or_default();
    let created = pipeline.creation_timestamp().map(|time| age(time.0, now)).unwrap_or_default();
    let state = match ready_field(|ready| &ready.status).as_str() {
        "True" => State::Good,
        "False" => State::Broken,
        _ => State::Unknown,
    };
    let mut cells: Vec<Cell> = Vec::new();
    if columns.namespace {
        cells.push(pipeline.namespace().unwrap_or_default().into());
    }
    cells.push(pipeline.name_any().into());
    cells.push(Cell { text: ready_field(|ready| &ready.status), state: Some(state) });
    cells.push(ready_field(|ready| &ready.reason).into());
    cells.extend(
        ["/spec/source/schedule/cron", "/status/processor/lag", "/status/deadLetter/depth"]
            .map(|path| at(path).into()),
    );
    cells.push(created.into());
    if columns.wide {
        let table = ["keyspace", "table"].map(|of| at(&format!("/spec/sink/cassandra/{of}/name")));
        cells.extend(
            [at("/spec/kafka/topic/name"), table.join("."), at("/status/processor/replicas")].map(Cell::from),
        );
        cells.push(ready_field(|ready| &ready.message).into());
    }
    cells
}

/// The condition `Ready`, if it is present and can be parsed.
fn ready(pipeline: &DynamicObject) -> Option<Condition> {
    let conditions = pipeline.data.pointer("/status/conditions")?.as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == ConditionType::Ready.name())?;
    serde_json::from_value(ready.clone()).ok()
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Aligns cells in columns. An empty cell is `-`, so that scripts can split the columns.
fn aligned(lines: &[Vec<Cell>], style: Style) -> String {
    let shown = |cell: &Cell| match cell.text.as_str() {
        "" => "-".to_owned(),
        text => fit(text, MAX_CELL_WIDTH),
    };
    let texts: Vec<Vec<String>> = lines.iter().map(|line| line.iter().map(shown).collect()).collect();
    let widths = column_widths(&texts);
    let mut text = String::new();
    for (line, texts) in lines.iter().zip(texts) {
        let last = line.len().saturating_sub(1);
        for (index, ((cell, shown), width)) in line.iter().zip(texts).zip(&widths).enumerate() {
            let filled = if index == last { shown } else { left(&shown, *width + 3) };
            text.push_str(&match cell.state {
                Some(state) => state.paint(style, &filled),
                None => filled,
            });
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pipelines() -> Vec<DynamicObject> {
        let of = |namespace: &str, name: &str, spec: Value, status: Value| {
            serde_json::from_value(json!({
                "apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
                "metadata": {"namespace": namespace, "name": name, "creationTimestamp": "2026-03-01T09:00:00Z"},
                "spec": spec, "status": status,
            }))
            .unwrap()
        };
        let spec = json!({
            "source": {"schedule": {"cron": "*/5 * * * *"}},
            "kafka": {"topic": {"name": "users_created"}},
            "sink": {"cassandra": {"keyspace": {"name": "shop"}, "table": {"name": "users"}}},
        });
        let ready = |status: &str, reason: &str, message: &str| {
            json!([{"type": "Ready", "status": status, "reason": reason, "message": message,
                "lastTransitionTime": "2026-03-01T11:00:00Z"}])
        };
        vec![
            of(
                "demo",
                "users",
                spec.clone(),
                json!({
                    "conditions": ready("True", "Running", "records flow"),
                    "processor": {"lag": 1200, "replicas": 2}, "deadLetter": {"depth": 3},
                }),
            ),
            of(
                "demo",
                "東京",
                spec.clone(),
                json!({
                    "conditions": ready("False", "ProvisioningFailed", &"the topic cannot be made; ".repeat(5)),
                }),
            ),
            of("prod", "new", spec, Value::Null),
        ]
    }

    #[test]
    fn table_has_one_aligned_line_for_each_pipeline() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let few = Columns { namespace: false, wide: false };
        let all = Columns { namespace: true, wide: true };
        let text = format!(
            "{}\n{}",
            table(&pipelines(), few, now, Style(false)),
            table(&pipelines(), all, now, Style(false))
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let columns = Columns { namespace: true, wide: false };
        let coloured = table(&pipelines(), columns, now, Style(true));
        assert!(coloured.contains("\u{1b}[31mFalse"), "{coloured}");
        let mut plain = coloured;
        for code in ["32", "31", "2", "0"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(plain, table(&pipelines(), columns, now, Style(false)));
    }
}
