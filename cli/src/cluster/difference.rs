//! The differences of two JSON values, field by field. Pure.

use serde::Serialize;
use serde_json::Value;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Difference {
    /// The path of the field: `spec.schema.fields[nat].type`.
    pub(crate) path: String,
    /// The value before; `None` for a new field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Value>,
    /// The value after; `None` for a removed field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Value>,
}

impl Difference {
    /// The difference as a line: `~ spec.kafka.topic.partitions: 3 -> 6`.
    pub(crate) fn line(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("~ {}: {before} -> {after}", self.path),
            (None, Some(after)) => format!("+ {}: {after}", self.path),
            (Some(before), None) => format!("- {}: {before}", self.path),
            (None, None) => self.path.clone(),
        }
    }
}

/// The differences from `before` to `after`, sorted by name. A new or removed object is one difference.
pub(crate) fn differences(path: &str, before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    let mut all = Vec::new();
    collect(&mut all, path, before, after);
    all
}

fn collect(all: &mut Vec<Difference>, path: &str, before: Option<&Value>, after: Option<&Value>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let gone = before.keys().filter(|name| !after.contains_key(*name));
            let mut names: Vec<&String> = after.keys().chain(gone).collect();
            names.sort();
            for name in names {
                collect(all, &member(path, name), before.get(name), after.get(name));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => match (named(old), named(new)) {
            (Some(old), Some(new)) => elements(all, path, &old, &new),
            _ => all.push(difference(path, before, after)),
        },
        (None, None) => {}
        _ => all.push(difference(path, before, after)),
    }
}

fn difference(path: &str, before: Option<&Value>, after: Option<&Value>) -> Difference {
    Difference { path: path.to_owned(), before: before.cloned(), after: after.cloned() }
}

fn member(path: &str, name: &str) -> String {
    // Brackets keep the dots of a label's name apart from those of the path.
    match (path.is_empty(), name.contains('.')) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{path}[{name}]"),
        (false, false) => format!("{path}.{name}"),
    }
}

/// The elements of a list by name; `None` unless each has a unique name.
fn named(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let elements: Option<Vec<(&str, &Value)>> =
        list.iter().map(|element| Some((element.get("name")?.as_str()?, element))).collect();
    let elements = elements?;
    let mut names: Vec<&str> = elements.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    (names.len() == elements.len()).then_some(elements)
}

fn elements(all: &mut Vec<Difference>, path: &str, before: &[(&str, &Value)], after: &[(&str, &Value)]) {
    let of = |list: &[(&str, &Value)], name: &str| {
        list.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).clone())
    };
    for (name, value) in after {
        collect(all, &format!("{path}[{name}]"), of(before, name).as_ref(), Some(value));
    }
    for (name, value) in before.iter().filter(|(name, _)| of(after, name).is_none()) {
        collect(all, &format!("{path}[{name}]"), Some(value), None);
    }
    // The order of schema fields is the order of columns, so a new order is a difference.
    let kept = |list: &[(&str, &Value)], other: &[(&str, &Value)]| -> Vec<Value> {
        list.iter()
            .filter(|(name, _)| of(other, name).is_some())
            .map(|(name, _)| Value::from(*name))
            .collect()
    };
    let (old, new) = (kept(before, after), kept(after, before));
    if old != new {
        let path = format!("{path} (order)");
        all.push(Difference { path, before: Some(Value::Array(old)), after: Some(Value::Array(new)) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn lines(before: &Value, after: &Value) -> Vec<String> {
        differences("spec", Some(before), Some(after)).iter().map(Difference::line).collect()
    }

    #[test]
    fn differences_have_the_path_of_their_field() {
        let before = json!({"suspend": false, "kafka": {"topic": {"partitions": 3}}, "filter": "nat != 'XX'", "keys": ["id"]});
        let after = json!({"suspend": false, "kafka": {"topic": {"partitions": 6, "config": {"retention.ms": "1"}}}, "keys": ["id", "nat"]});
        assert_eq!(
            lines(&before, &after),
            [
                "- spec.filter: \"nat != 'XX'\"",
                "+ spec.kafka.topic.config: {\"retention.ms\":\"1\"}",
                "~ spec.kafka.topic.partitions: 3 -> 6",
                "~ spec.keys: [\"id\"] -> [\"id\",\"nat\"]",
            ]
        );
    }

    #[test]
    fn named_elements_are_compared_by_name_and_order() {
        let field = |name: &str, of: &str| json!({"name": name, "type": of});
        let before = json!({"fields": [field("id", "uuid"), field("age", "int"), field("nat", "string")]});
        let after = json!({"fields": [field("age", "long"), field("id", "uuid"), field("dob", "date")]});
        assert_eq!(
            lines(&before, &after),
            [
                "~ spec.fields[age].type: \"int\" -> \"long\"",
                "+ spec.fields[dob]: {\"name\":\"dob\",\"type\":\"date\"}",
                "- spec.fields[nat]: {\"name\":\"nat\",\"type\":\"string\"}",
                "~ spec.fields (order): [\"id\",\"age\"] -> [\"age\",\"id\"]",
            ]
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..4_i64).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::hash_map("[a-c]", inner, 0..3).prop_map(|map| json!(map)),
                proptest::collection::vec(("[a-c]", 0..3_i64), 0..3)
                    .prop_map(|list| list.iter().map(|(name, of)| json!({"name": name, "of": of})).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn equal_values_have_no_differences_and_others_do(before in value(), after in value()) {
            let found = differences("spec", Some(&before), Some(&after));
            prop_assert_eq!(found.is_empty(), before == after, "{:?}", found);
        }
    }
}
