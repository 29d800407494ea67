//! The table of samples: `tests/resource/fields/samples.yaml`.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Table {
    base: Value,
    samples: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    field: String,
    value: Value,
    #[serde(default)]
    with: Value,
    #[serde(default)]
    decides: bool,
}

/// A value of a field.
pub(super) struct Sample {
    /// The path of the field: `schema.fields[2].name`.
    pub(super) field: String,
    /// Whether only validation acts on the field.
    pub(super) decides: bool,
    value: Value,
    without: Value,
}

/// Every sample.
pub(super) fn samples() -> Vec<Sample> {
    let Table { base, samples } = serde_saphyr::from_str(include_str!("samples.yaml")).unwrap();
    samples
        .into_iter()
        .map(|Row { field, value, with, decides }| {
            let mut without = base.clone();
            merge(&mut without, &with);
            Sample { field, decides, value, without }
        })
        .collect()
}

impl Sample {
    /// The path in the schema: `schema.fields[].name`.
    pub(super) fn schema_path(&self) -> String {
        self.field.replace(|character: char| character.is_ascii_digit(), "")
    }

    /// The spec without the value.
    pub(super) fn without(&self) -> Value {
        self.without.clone()
    }

    /// The spec with the value.
    pub(super) fn with(&self) -> Value {
        let mut spec = self.without();
        let mut target = &mut spec;
        for step in self.field.replace('[', ".").replace(']', "").split('.') {
            target = match step.parse::<usize>() {
                Ok(index) => &mut target[index],
                Err(_) => &mut target[step],
            };
        }
        *target = self.value.clone();
        spec
    }
}

/// A JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else { return };
    for (name, member) in members {
        match (member, target.get(name)) {
            (Value::Null, _) => {
                target.as_object_mut().unwrap().remove(name);
            }
            (Value::Object(_), Some(Value::Object(_))) => merge(&mut target[name], member),
            _ => target[name] = member.clone(),
        }
    }
}
