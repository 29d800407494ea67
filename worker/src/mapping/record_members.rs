//! The members of a record that expressions read, found in one pass over its JSON.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use userstream_crds::expression::{Budget, EvaluationErrorKind, Kind, MemberPath, Value};

use super::document::document_error;
use super::error::MappingError;
use super::json_value;

/// The value at a path of a record, or why an expression cannot have it.
pub(super) type Slot<'a> = Result<Value<'a>, EvaluationErrorKind>;

/// The paths that expressions read, each with a slot for its value.
#[derive(Debug, Default)]
pub(super) struct RecordMembers {
    record: Node,
    slots: usize,
}

/// A place in a record.
#[derive(Debug, Default)]
struct Node {
    /// The slot of the value as a whole, if an expression reads it.
    slot: Option<usize>,
    members: Vec<(Box<str>, Node)>,
}

impl RecordMembers {
    /// The slot of a path. The same path always has the same one.
    pub(super) fn slot(&mut self, path: &MemberPath) -> usize {
        let mut node = &mut self.record;
        for name in path.names() {
            let position = node.members.iter().position(|(known, _)| **known == *name);
            let position = position.unwrap_or_else(|| {
                node.members.push((name.into(), Node::default()));
                node.members.len() - 1
            });
            match node.members.get_mut(position) {
                Some((_, member)) => node = member,
                None => return self.slots,
            }
        }
        *node.slot.get_or_insert_with(|| {
            self.slots += 1;
            self.slots - 1
        })
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Sets the slots to the values in a record. Those of paths that lead nowhere are left as they are.
    pub(super) fn read<'a>(
        &self,
        document: &'a str,
        budget: &'a Budget,
        slots: &mut [Slot<'a>],
    ) -> Result<(), MappingError> {
        let mut reading = Reading { budget, slots };
        let mut deserializer = serde_json::Deserializer::from_str(document);
        NodeSeed { node: &self.record, reading: &mut reading }
            .deserialize(&mut deserializer)
            .map_err(|error| document_error(&error))
    }
}

struct Reading<'r, 'a> {
    budget: &'a Budget,
    slots: &'r mut [Slot<'a>],
}

impl<'a> Reading<'_, 'a> {
    fn set(&mut self, slot: Option<usize>, value: Slot<'a>) {
        if let Some(slot) = slot.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = value;
        }
    }

    /// Sets the slots of a place and of all that is in it.
    fn set_all(&mut self, node: &Node, value: Slot<'a>) {
        self.set(node.slot, value);
        self.set_members(node, value);
    }

    fn set_members(&mut self, node: &Node, value: Slot<'a>) {
        node.members.iter().for_each(|(_, member)| self.set_all(member, value));
    }

    /// Sets the slots of what is in a place to the members of its value.
    fn select(&mut self, node: &Node, value: Slot<'a>) {
        for (name, member) in &node.members {
            let selected = value.and_then(|value| value.member(name));
            self.set(member.slot, selected);
            self.select(member, selected);
        }
    }
}

/// Reads the value at a place.
struct NodeSeed<'n, 'r, 'a> {
    node: &'n Node,
    reading: &'n mut Reading<'r, 'a>,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.slot.is_none() {
            // The last value of a repeated key counts, with all that is in it.
            self.reading.set_members(self.node, Ok(Value::Absent));
            return deserializer.deserialize_any(self);
        }
        let json = <&RawValue>::deserialize(deserializer)?;
        let value = json_value::value(json.get(), self.reading.budget);
        self.reading.set(self.node.slot, value);
        self.reading.select(self.node, value);
        Ok(())
    }
}

impl<'de> NodeSeed<'_, '_, 'de> {
    fn has_no_members<E>(self, kind: Kind) -> Result<(), E> {
        self.reading.set_members(self.node, Err(EvaluationErrorKind::NoMembers(kind)));
        Ok(())
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_key_seed(MemberName(self.node))? {
            match member {
                Some(node) => map.next_value_seed(NodeSeed { node, reading: &mut *self.reading })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        self.has_no_members(Kind::List)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.has_no_members(Kind::Bool)
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.has_no_members(Kind::Int)
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.has_no_members(Kind::Int)
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.has_no_members(Kind::Decimal)
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.has_no_members(Kind::String)
    }
}

/// Finds the place of a key.
struct MemberName<'n>(&'n Node);

impl<'n, 'de> DeserializeSeed<'de> for MemberName<'n> {
    type Value = Option<&'n Node>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for MemberName<'n> {
    type Value = Option<&'n Node>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.members.iter().find(|(known, _)| **known == *name).map(|(_, node)| node))
    }
}

#[cfg(test)]
mod tests {
    use userstream_crds::expression::{Kinds, RecordExpression};

    use super::*;

    /// The values of the variables of an expression in a record.
    fn read(expression: &str, json: &str) -> Vec<String> {
        let expression = RecordExpression::compile(expression, Kinds::ANY).unwrap();
        let mut members = RecordMembers::default();
        let slots: Vec<usize> = expression.variables().iter().map(|path| members.slot(path)).collect();
        let budget = Budget::new();
        let mut values = vec![Ok(Value::Absent); members.slots()];
        members.read(json, &budget, &mut values).unwrap();
        let shown = |value: Slot<'_>| match value {
            Ok(Value::String(text)) => text.to_owned(),
            Ok(Value::Int(number)) => number.to_string(),
            Ok(Value::Absent) => "absent".to_owned(),
            Ok(value) => value.kind().to_string(),
            Err(error) => error.to_string(),
        };
        slots.into_iter().map(|slot| shown(values[slot])).collect()
    }

    #[test]
    fn a_path_finds_its_member_or_nothing() {
        for (expression, json, expected) in [
            ("[a.b, c]", r#"{"a":{"x":1,"b":"t"},"c":2}"#, ["t", "2"]),
            ("[a.b, a.c]", r#"{"a":null}"#, ["absent", "absent"]),
            ("[a.b, a]", r#"{"a":{"b":1}}"#, ["1", "a map"]),
            ("[a, a.b.c]", r#"{"a":{"b":{"c":"t"}}}"#, ["a map", "t"]),
            ("[a, a.b]", r#"{"a":"t"}"#, ["t", "a string has no members"]),
            ("[a.b, c]", r#"{"a":[1],"c":null}"#, ["a list has no members", "null"]),
            ("[a.b, a.c]", r#"{"a":1}"#, ["an int has no members", "an int has no members"]),
            ("[self, a]", r#" {"a":1} "#, ["a map", "1"]),
            ("[self['a-b'], b]", r#"{"a-b":1}"#, ["1", "absent"]),
        ] {
            assert_eq!(read(expression, json), expected, "{expression} in {json}");
        }
    }

    #[test]
    fn the_last_value_of_a_repeated_key_counts() {
        assert_eq!(read("[a.b, a.c]", r#"{"a":{"b":1,"c":2},"a":{"b":3}}"#), ["3", "absent"]);
        assert_eq!(read("[a.b, a.c]", r#"{"a":{"b":1},"a":null}"#), ["absent", "absent"]);
        assert_eq!(read("[a, a.b]", r#"{"a":{"b":1},"a":{"c":1}}"#), ["a map", "absent"]);
    }
}
