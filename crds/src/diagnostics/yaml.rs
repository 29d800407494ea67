//! YAML values with their positions in the text.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use crate::scalar::field_path::{FieldPath, Step};
use crate::schema::nesting;

/// A value and its position.
#[derive(Debug)]
pub(super) struct Node(Spanned<Content>);

#[derive(Debug)]
enum Content {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text, without duplicate keys.
    Mapping(Vec<(Spanned<String>, Node)>),
}

/// The documents of a text without the empty ones.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, serde_saphyr::Error> {
    let documents: Vec<Spanned<Content>> =
        serde_saphyr::from_multiple_with_options(text, nesting::bounded())?;
    Ok(documents
        .into_iter()
        .map(Node)
        .filter(|document| !matches!(document.0.value, Content::Null))
        .collect())
}

/// A range of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The first line, from 1.
    pub(super) line: usize,
    /// The first column in characters, from 1.
    pub(super) column: usize,
    /// The first byte.
    pub(super) offset: usize,
    /// The number of bytes.
    pub(super) length: usize,
}

impl Mark {
    /// The mark of a location that may have an offset in characters only, as those of syntax errors have.
    pub(super) fn in_text(text: &str, location: serde_saphyr::Location) -> Self {
        let mark = Self::from(location);
        let span = location.span();
        if span.byte_offset().is_some() {
            return mark;
        }
        let characters = usize::try_from(span.offset()).unwrap_or(usize::MAX);
        let offset = text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset);
        Self { offset, length: 0, ..mark }
    }
}

/// The kind of value at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No value.
    Absent,
    /// A mapping, a list or null.
    Container,
    /// A scalar.
    Scalar {
        /// The key of the value, or the beginning of the element.
        key: Mark,
    },
}

impl From<serde_saphyr::Location> for Mark {
    fn from(location: serde_saphyr::Location) -> Self {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let span = location.span();
        Self {
            line: number(location.line()).max(1),
            column: number(location.column()).max(1),
            offset: span.byte_offset().map_or(0, number),
            length: span.byte_len().map_or(0, number),
        }
    }
}

impl Node {
    /// The value of a key; `None` where this is no mapping with the key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The text of a key; `None` where the value is no text.
    pub(super) fn text_at(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.0.value {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its first line, from 1.
    pub(super) fn line(&self) -> usize {
        self.beginning().line
    }

    /// The value without positions. Numbers that JSON cannot represent are texts.
    pub(super) fn to_json(&self) -> Value {
        match &self.0.value {
            Content::Null => Value::Null,
            Content::Boolean(boolean) => Value::Bool(*boolean),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(elements) => elements.iter().map(Self::to_json).collect(),
            Content::Mapping(entries) => {
                let members: Map<String, Value> =
                    entries.iter().map(|(key, value)| (key.value.clone(), value.to_json())).collect();
                Value::Object(members)
            }
        }
    }

    /// The mark of a path and the kind of its value. For a path without a value, it is the mark of the innermost
    /// mapping or list on the path.
    pub(super) fn find(&self, path: &FieldPath) -> (Mark, Found) {
        let mut node = self;
        let mut mark = self.beginning();
        for step in path.steps() {
            let next = match step {
                Step::Property(name) | Step::Key(name) => {
                    node.entry(name).map(|(key, value)| (Mark::from(key.referenced), value))
                }
                Step::Index(index) => match &node.0.value {
                    Content::List(elements) => {
                        elements.get(*index).map(|element| (element.beginning(), element))
                    }
                    _ => None,
                },
            };
            match next {
                Some((at, value)) => (mark, node) = (at, value),
                None => return (mark, Found::Absent),
            }
        }
        match node.0.value {
            Content::List(_) | Content::Mapping(_) | Content::Null => (mark, Found::Container),
            _ => (Mark::from(node.0.referenced), Found::Scalar { key: mark }),
        }
    }

    fn entry(&self, key: &str) -> Option<(&Spanned<String>, &Self)> {
        match &self.0.value {
            Content::Mapping(entries) => {
                entries.iter().find(|(name, _)| name.value == key).map(|(name, value)| (name, value))
            }
            _ => None,
        }
    }

    /// The mark of its first key or element, or its own.
    fn beginning(&self) -> Mark {
        match &self.0.value {
            Content::Mapping(entries) => {
                entries.first().map_or(self.0.referenced.into(), |(key, _)| key.referenced.into())
            }
            Content::List(elements) => elements.first().map_or(self.0.referenced.into(), Self::beginning),
            _ => self.0.referenced.into(),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Content, E> {
        Ok(Content::Boolean(boolean))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Content, E> {
        Ok(Number::from_i128(number).map_or_else(|| Content::Text(number.to_string()), Content::Number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Content, E> {
        Ok(Number::from_u128(number).map_or_else(|| Content::Text(number.to_string()), Content::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Content, E> {
        Ok(Number::from_f64(number).map_or_else(|| Content::Text(number.to_string()), Content::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(Node(element));
        }
        Ok(Content::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = mapping.next_entry()? {
            entries.push((key, Node(value)));
        }
        Ok(Content::Mapping(entries))
    }
}
