//! The reference in `docs/`, written from the schema: every field with its type, default, values and meaning, and every
//! rule.

use serde_json::{Map, Value};

use crate::fixtures::schema;

/// Parts that Kubernetes documents.
const DESCRIBED_ELSEWHERE: &str = "spec.template.";

const HEAD: &str = "\
<!-- Generated from the types in crds/src by `make generate`. Do not edit. -->

# Pipeline reference

Every field of a `UserStreamPipeline`, with the text that `usp explain` and `kubectl explain` show. [The pipeline](pipeline.md)
is a tour of them. Fields marked with * must be there. Durations are Go's: `10s`, `2m`, `1h30m`.
";

/// The reference as Markdown.
pub(crate) fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for name in ["spec", "status"] {
        section(&mut text, name, &schema()["properties"][name]);
    }
    text
}

fn section(text: &mut String, path: &str, schema: &Value) {
    let members = contents(schema);
    let Some(properties) =
        members["properties"].as_object().filter(|_| !path.starts_with(DESCRIBED_ELSEWHERE))
    else {
        return;
    };
    text.push_str(&format!("\n## {path}\n\n{}\n", prose(&schema["description"])));
    text.push_str("\n| field | type | default | |\n|---|---|---|---|\n");
    for (name, field) in properties {
        text.push_str(&row(path, name, field, members));
    }
    let rules = rules(members, properties);
    if !rules.is_empty() {
        text.push_str("\nRules:\n\n");
        text.extend(rules.iter().map(|rule| format!("- {}\n", rule.replace('<', "&lt;"))));
    }
    for (name, field) in properties {
        section(text, &format!("{path}.{name}"), field);
    }
}

fn row(path: &str, name: &str, field: &Value, parent: &Value) -> String {
    let required = parent["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let place = format!("{path}.{name}");
    let has_section = contents(field)["properties"].is_object() && !place.starts_with(DESCRIBED_ELSEWHERE);
    let shown = if has_section { format!("[`{name}`](#{})", anchor(&place)) } else { format!("`{name}`") };
    let mark = if required { " *" } else { "" };
    let values: Vec<String> =
        field["enum"].as_array().into_iter().flatten().map(|value| format!("`{}`", plain(value))).collect();
    let description = prose(&field["description"]).replace("\n\n", "<br>").replace('\n', " ");
    let values = if values.is_empty() { String::new() } else { format!(" One of {}.", values.join(", ")) };
    format!(
        "| {shown}{mark} | {} | {} | {}{values} |\n",
        type_name(field),
        default(field),
        description.replace('|', "\\|")
    )
}

/// The rules of an object and of its plain members, each once.
fn rules(object: &Value, properties: &Map<String, Value>) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    // A field with a separate section has its rules there.
    let plain = properties.values().filter(|field| !contents(field)["properties"].is_object());
    for schema in std::iter::once(object).chain(plain) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let text = rule["message"].as_str().unwrap().to_owned();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    texts
}

/// What a list or a map holds; anything else holds itself.
fn contents(schema: &Value) -> &Value {
    ["items", "additionalProperties"]
        .iter()
        .map(|name| &schema[name])
        .find(|inner| inner.is_object())
        .unwrap_or(schema)
}

fn type_name(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_name(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map to {}", type_name(&schema["additionalProperties"]))
        }
        Some(name) => name.to_owned(),
        None => "any".to_owned(),
    }
}

fn default(schema: &Value) -> String {
    let is_empty = |value: &&Value| {
        value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty)
            || **value == ""
    };
    // The fields of an object have their own defaults.
    let default = schema.get("default").filter(|default| !default.is_object());
    default
        .filter(|default| !is_empty(default))
        .map_or_else(String::new, |value| format!("`{}`", plain(value)))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn prose(description: &Value) -> String {
    description.as_str().unwrap_or_default().trim().to_owned()
}

/// The anchor that Markdown's readers give to a heading.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace('.', "")
}
