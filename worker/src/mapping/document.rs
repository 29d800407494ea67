//! One pass over the JSON of a record, which sets the cells of all selected values.
//!
//! A selected value is taken as its source text, so that numbers keep every digit. Everything else is skipped without
//! being built. Of duplicate keys in an object the last one wins, with all its members. Each of them must convert to
//! the type of its field.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::convert::{Destination, convert};
use super::error::MappingError;
use super::paths::{Members, Node};
use super::scalar::{Scalar, has_escapes};
use super::target::Target;
use crate::record::{Cell, Cells};

/// Memory that is reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) unescaped: String,
    pub(super) decoded: Vec<u8>,
}

/// Sets the cells of all values that `selection` finds in `document`, and no others.
pub(super) fn read(
    document: &str,
    selection: &Members,
    cells: &mut Cells,
    scratch: &mut Scratch,
) -> Result<(), MappingError> {
    let escapes = has_escapes(document);
    let mut reading = Reading { input: document.as_bytes(), escapes, cells, scratch, failure: None };
    let mut deserializer = serde_json::Deserializer::from_str(document);
    let outcome = deserializer
        .deserialize_any(DocumentVisitor { selection, reading: &mut reading })
        .and_then(|()| deserializer.end());
    match (outcome, reading.failure) {
        (Ok(()), None) => Ok(()),
        (_, Some(failure)) => Err(failure),
        (Err(error), None) => Err(document_error(&error)),
    }
}

/// The error of a malformed document. Drops serde_json's message, which may quote the document.
pub(super) fn document_error(error: &serde_json::Error) -> MappingError {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => MappingError::Truncated,
        // Only the visitor of the whole document returns errors of this category.
        Category::Data => MappingError::NotAnObject,
        Category::Syntax | Category::Io => {
            MappingError::InvalidJson { line: error.line(), column: error.column() }
        }
    }
}

struct Reading<'a> {
    input: &'a [u8],
    /// Whether the document has any escapes.
    escapes: bool,
    cells: &'a mut Cells,
    scratch: &'a mut Scratch,
    /// Why a value does not convert.
    failure: Option<MappingError>,
}

impl Reading<'_> {
    fn value(&mut self, json: &str, first: &Target, others: &[Target]) -> Result<(), MappingError> {
        let Scratch { unescaped, decoded } = &mut *self.scratch;
        let scalar = Scalar::of_json(json, self.escapes.then_some(unescaped))
            .map_err(|reason| first.refused(reason))?;
        let mut destination = Destination { input: self.input, cells: self.cells, decoded };
        for target in std::iter::once(first).chain(others) {
            convert(target, &scalar, &mut destination).map_err(|reason| target.refused(reason))?;
        }
        Ok(())
    }

    fn clear(&mut self, fields: &[usize]) {
        for field in fields {
            self.cells.set(*field, Cell::Absent);
        }
    }
}

struct DocumentVisitor<'r, 'a> {
    selection: &'r Members,
    reading: &'r mut Reading<'a>,
}

impl<'de> Visitor<'de> for DocumentVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_members(map, self.selection, self.reading)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        if self.selection.elements().is_empty() {
            return Err(A::Error::custom("an array"));
        }
        read_elements(elements, self.selection, self.reading)
    }
}

fn read_members<'de, A: MapAccess<'de>>(
    mut map: A,
    selection: &Members,
    reading: &mut Reading<'_>,
) -> Result<(), A::Error> {
    let mut expected = 0;
    while let Some(position) = map.next_key_seed(MemberName { selection, expected })? {
        match position.and_then(|position| selection.node(position).map(|node| (position, node))) {
            Some((position, node)) => {
                expected = position + 1;
                map.next_value_seed(NodeSeed { node, reading: &mut *reading })?;
            }
            None => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(())
}

fn read_elements<'de, A: SeqAccess<'de>>(
    mut elements: A,
    selection: &Members,
    reading: &mut Reading<'_>,
) -> Result<(), A::Error> {
    let mut done = 0;
    for (index, position) in selection.elements() {
        while done < *index {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
            done += 1;
        }
        let Some(node) = selection.node(*position) else { continue };
        if elements.next_element_seed(NodeSeed { node, reading: &mut *reading })?.is_none() {
            return Ok(());
        }
        done += 1;
    }
    while elements.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Finds the position of a key in the selection.
struct MemberName<'r> {
    selection: &'r Members,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for MemberName<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberName<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.selection.position(name, self.expected))
    }
}

/// Reads the value of one node.
struct NodeSeed<'r, 'a> {
    node: &'r Node,
    reading: &'r mut Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.node {
            Node::Value(first, others) => {
                let json = <&RawValue>::deserialize(deserializer)?;
                self.reading.value(json.get(), first, others).map_err(|failure| {
                    self.reading.failure = Some(failure);
                    D::Error::custom("a refused value")
                })
            }
            Node::Members(selection) => {
                // A duplicate key replaces the earlier value as a whole.
                self.reading.clear(selection.fields());
                deserializer.deserialize_any(MembersVisitor { selection, reading: self.reading })
            }
        }
    }
}

/// Reads the members of a node. A value without members ends the path, and nothing is found.
struct MembersVisitor<'r, 'a> {
    selection: &'r Members,
    reading: &'r mut Reading<'a>,
}

impl<'de> Visitor<'de> for MembersVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_members(map, self.selection, self.reading)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        read_elements(elements, self.selection, self.reading)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
