//! `usp explain`: prints the documentation of a field, from the schema of the CustomResourceDefinition.

use std::fmt::Write as _;

use serde_json::Value;

use super::CommandError;
use crate::arguments::ExplainArguments;
use crate::exit::Exit;
use crate::terminal::{Terminal, print};

/// Prints the documentation of a field.
pub(super) fn explain(arguments: &ExplainArguments) -> Result<Exit, CommandError> {
    let path = arguments.path.as_deref().unwrap_or_default();
    let width = Terminal::size().0.clamp(40, 100);
    print(&explanation(userstream_crds::definition::schema(), path, arguments.recursive, width)?)?;
    Ok(Exit::Done)
}

/// The field does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExplainError {
    /// There is no similar field either.
    #[error("unknown field {path}; `usp explain {parent}` lists the available fields", parent = .parent.as_str())]
    Unknown {
        /// The path.
        path: String,
        /// The longest prefix of it that exists.
        parent: String,
    },
    /// There is a similar field.
    #[error("unknown field {path}; did you mean {similar}?")]
    Misspelt {
        /// The path.
        path: String,
        /// The similar field.
        similar: String,
    },
}

/// A field of the schema.
#[derive(Clone, Copy)]
struct Field<'s> {
    schema: &'s Value,
}

impl<'s> Field<'s> {
    fn text(self, name: &str) -> Option<&'s str> {
        self.schema.get(name).and_then(Value::as_str)
    }

    /// The field itself; for a list or a map, its elements.
    fn inner(self) -> Self {
        ["items", "additionalProperties"]
            .iter()
            .find_map(|name| self.schema.get(*name).filter(|inner| inner.is_object()))
            .map_or(self, |schema| Self { schema }.inner())
    }

    fn fields(self) -> impl Iterator<Item = (&'s str, Self)> {
        let properties = self.inner().schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), Self { schema }))
    }

    fn field(self, name: &str) -> Option<Self> {
        self.inner().schema.get("properties")?.get(name).map(|schema| Self { schema })
    }

    fn requires(self, name: &str) -> bool {
        let required = self.inner().schema.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|one| one == name))
    }

    /// The type as `kubectl explain` names it: `string`, `[]Object`, `map[string]string`.
    fn type_name(self) -> String {
        if self.schema.get("x-kubernetes-int-or-string").is_some_and(|flag| flag == true) {
            return "integer or string".to_owned();
        }
        match self.text("type") {
            Some("array") => format!("[]{}", self.part("items")),
            Some("object") if self.schema.get("additionalProperties").is_some_and(Value::is_object) => {
                format!("map[string]{}", self.part("additionalProperties"))
            }
            Some("object") => "Object".to_owned(),
            Some(name) => name.to_owned(),
            None => "any".to_owned(),
        }
    }

    fn part(self, name: &str) -> String {
        self.schema.get(name).map_or_else(|| "any".to_owned(), |schema| Field { schema }.type_name())
    }

    fn values(self) -> Vec<String> {
        let values = self.inner().schema.get("enum").and_then(Value::as_array);
        values.into_iter().flatten().filter(|value| !value.is_null()).map(plain).collect()
    }

    /// Bounds and pattern, each as a line.
    fn bounds(self) -> Vec<String> {
        let schema = self.schema;
        let bound =
            |name: &str, label: &str| schema.get(name).map(|value| format!("{label} {}", plain(value)));
        [
            bound("minimum", "At least"),
            bound("maximum", "At most"),
            bound("minLength", "Shortest length"),
            bound("maxLength", "Greatest length"),
            bound("minItems", "Fewest items"),
            bound("maxItems", "Most items"),
            bound("pattern", "Pattern"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn rules(self) -> impl Iterator<Item = &'s str> {
        let rules = self.schema.get("x-kubernetes-validations").and_then(Value::as_array);
        rules.into_iter().flatten().filter_map(|rule| rule.get("message").and_then(Value::as_str))
    }

    fn first_sentence(self) -> &'s str {
        let text = self.text("description").unwrap_or_default();
        let text = text.split_once("\n\n").map_or(text, |(paragraph, _)| paragraph);
        text.find(". ").and_then(|end| text.get(..=end)).unwrap_or(text)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The documentation of a field, in lines of at most `width` columns.
///
/// The path starts at the root or below `spec`. Indexes of lists are optional, and ignored.
fn explanation(root: &Value, path: &str, recursive: bool, width: usize) -> Result<String, ExplainError> {
    let (names, field) = find(Field { schema: root }, path)?;
    let name = if names.is_empty() { "UserStreamPipeline".to_owned() } else { names.join(".") };
    let mut text = format!("{name}  <{}>\n", field.type_name());
    if let Some(description) = field.text("description") {
        text.push('\n');
        paragraphs(&mut text, description, "  ", width);
    }
    let mut facts = Vec::new();
    if let Some(default) = field.schema.get("default").filter(|default| !is_empty(default)) {
        facts.push(format!("Default: {}", plain(default)));
    }
    let values = field.values();
    if !values.is_empty() {
        facts.push(format!("Values: {}", values.join(", ")));
    }
    facts.extend(field.bounds());
    if !facts.is_empty() {
        text.push('\n');
        for fact in facts {
            paragraphs(&mut text, &fact, "  ", width);
        }
    }
    let mut rules = field.rules().peekable();
    if rules.peek().is_some() {
        text.push_str("\nRules:\n");
        for rule in rules {
            paragraphs(&mut text, &format!("- {rule}"), "  ", width);
        }
    }
    if field.fields().next().is_some() {
        text.push_str("\nFields:\n");
        if recursive { tree(&mut text, field, 1) } else { list(&mut text, field, width) }
    }
    Ok(text)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// The full path of a field, and the field.
fn find<'s>(root: Field<'s>, path: &str) -> Result<(Vec<String>, Field<'s>), ExplainError> {
    let mut path_names: Vec<&str> = path
        .split('.')
        .map(|name| name.split_once('[').map_or(name, |(name, _)| name))
        .filter(|name| !name.is_empty())
        .collect();
    // Most fields are below `spec`, so the prefix is optional.
    let below_spec = root.field("spec");
    if let (Some(first), Some(spec)) = (path_names.first(), below_spec)
        && root.field(first).is_none()
        && spec.field(first).is_some()
    {
        path_names.insert(0, "spec");
    }
    let mut names: Vec<String> = Vec::new();
    let mut field = root;
    for name in path_names {
        let Some(found) = field.field(name) else { return Err(unknown(path, &names, field, name)) };
        field = found;
        names.push(name.to_owned());
    }
    Ok((names, field))
}

/// The error for a name that is not a field of `parent`, whose path is `names`.
fn unknown(path: &str, names: &[String], parent: Field<'_>, name: &str) -> ExplainError {
    let path = path.to_owned();
    match parent.fields().find(|(other, _)| is_similar(other, name)) {
        Some((similar, _)) => {
            let names = names.iter().map(String::as_str).chain([similar]);
            ExplainError::Misspelt { path, similar: names.collect::<Vec<_>>().join(".") }
        }
        None => ExplainError::Unknown { path, parent: names.join(".") },
    }
}

/// Whether two names differ only in case, or by one inserted, deleted, replaced or transposed letter.
fn is_similar(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (one, other) = (one.get(same..).unwrap_or_default(), other.get(same..).unwrap_or_default());
    match (one, other) {
        ([], []) | ([_], []) | ([], [_]) => true,
        ([_, one @ ..], other_rest) if one == other_rest => true,
        (one_rest, [_, other @ ..]) if one_rest == other => true,
        ([_, one @ ..], [_, other @ ..]) if one == other => true,
        ([a, b, one @ ..], [c, d, other @ ..]) => (a, b) == (d, c) && one == other,
        _ => false,
    }
}

fn list(text: &mut String, field: Field<'_>, width: usize) {
    let widest = field.fields().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, inner) in field.fields() {
        let required = if field.requires(name) { ", required" } else { "" };
        let _ = writeln!(text, "  {name:widest$}  <{}{required}>", inner.type_name());
        paragraphs(text, inner.first_sentence(), "      ", width);
    }
}

fn tree(text: &mut String, field: Field<'_>, depth: usize) {
    for (name, inner) in field.fields() {
        let required = if field.requires(name) { ", required" } else { "" };
        let _ = writeln!(text, "{}{name}  <{}{required}>", "  ".repeat(depth), inner.type_name());
        tree(text, inner, depth + 1);
    }
}

/// Appends text, wrapped at `width` columns and indented. Existing line breaks are kept, for lists and code.
fn paragraphs(text: &mut String, paragraphs: &str, indent: &str, width: usize) {
    for line in paragraphs.lines() {
        let mut used = 0;
        for word in line.split_whitespace() {
            if used > 0 && indent.len() + used + 1 + word.chars().count() > width {
                text.push('\n');
                used = 0;
            }
            text.push_str(if used == 0 { indent } else { " " });
            text.push_str(word);
            used += word.chars().count() + usize::from(used > 0);
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "description": "A pipeline.",
            "properties": {
                "spec": {
                    "type": "object",
                    "required": ["schema"],
                    "properties": {
                        "schema": {"type": "object", "description": "The fields of a record. And more.", "properties": {
                            "fields": {"type": "array", "items": {"type": "object", "properties": {
                                "from": {"type": "string", "description": "A path.", "maxLength": 256},
                            }}},
                        }},
                        "mode": {"type": "string", "description": "Whether.\n\nA second paragraph that is so long that it needs more than one line.", "enum": ["Apply", "Plan"], "default": "Apply",
                            "x-kubernetes-validations": [{"rule": "true", "message": "say which"}]},
                        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    },
                },
            },
        })
    }

    #[test]
    fn field_has_description_default_values_and_rules() {
        insta::assert_snapshot!(explanation(&schema(), "spec.mode", false, 50).unwrap(), @r"
        spec.mode  <string>

          Whether.

          A second paragraph that is so long that it needs
          more than one line.

          Default: Apply
          Values: Apply, Plan

        Rules:
          - say which
        ");
    }

    #[test]
    fn object_lists_its_fields() {
        insta::assert_snapshot!(explanation(&schema(), "spec", false, 80).unwrap(), @r"
        spec  <Object>

        Fields:
          labels  <map[string]string>
          mode    <string>
              Whether.
          schema  <Object, required>
              The fields of a record.
        ");
        insta::assert_snapshot!(explanation(&schema(), "", true, 80).unwrap(), @r"
        UserStreamPipeline  <Object>

          A pipeline.

        Fields:
          spec  <Object>
            labels  <map[string]string>
            mode  <string>
            schema  <Object, required>
              fields  <[]Object>
                from  <string>
        ");
    }

    #[test]
    fn spec_and_indexes_are_optional_in_a_path() {
        let whole = explanation(&schema(), "spec.schema.fields.from", false, 80).unwrap();
        assert_eq!(explanation(&schema(), "schema.fields[2].from", false, 80).unwrap(), whole);
        assert!(whole.starts_with("spec.schema.fields.from  <string>\n"), "{whole}");
    }

    #[test]
    fn misspelt_field_suggests_a_similar_one() {
        for path in ["spec.Mode", "spec.mde", "spec.moode", "spec.mdoe", "spec.made"] {
            let error = explanation(&schema(), path, false, 80).unwrap_err();
            assert_eq!(
                error,
                ExplainError::Misspelt { path: path.to_owned(), similar: "spec.mode".to_owned() }
            );
        }
        let error = explanation(&schema(), "spec.schema.colour", false, 80).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown field spec.schema.colour; `usp explain spec.schema` lists the available fields"
        );
    }
}
