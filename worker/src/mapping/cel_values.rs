//! Values in and out of CEL.

use std::collections::HashMap;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use userstream_crds::cel::objects::Key;
use userstream_crds::cel::{Context, Value};

use super::MAX_DEPTH;
use super::document::document_error;
use super::error::MappingError;
use super::references::{Members, Part};
use super::refusal::Kind;
use super::scalar::Scalar;
use crate::record::text::{decimal, uuid};
use crate::record::{Cell, Cells};

/// Adds the variables `wanted` of a JSON object to a scope. What the object does not have is not added.
///
/// JSON integers of 64 bits are CEL `int`, larger ones and all other numbers are CEL `double`.
pub(super) fn add_variables(
    document: &str,
    wanted: &Members,
    scope: &mut Context<'_>,
) -> Result<(), MappingError> {
    let mut too_deep = false;
    let mut deserializer = serde_json::Deserializer::from_str(document);
    deserializer
        .deserialize_any(RecordVisitor { wanted, scope, too_deep: &mut too_deep })
        .map_err(|error| if too_deep { MappingError::TooDeep } else { document_error(&error) })
}

struct RecordVisitor<'w, 's, 'c> {
    wanted: &'w Members,
    scope: &'s mut Context<'c>,
    too_deep: &'w mut bool,
}

impl<'de> Visitor<'de> for RecordVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(wanted) = map.next_key_seed(WantedName(self.wanted))? {
            match wanted {
                Some((name, part)) => {
                    let value =
                        map.next_value_seed(ValueSeed { part, depth: MAX_DEPTH, too_deep: self.too_deep })?;
                    self.scope.add_variable_from_value(name, value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    /// A record that is an array has no variables.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

struct WantedName<'w>(&'w Members);

impl<'w, 'de> DeserializeSeed<'de> for WantedName<'w> {
    type Value = Option<(&'w str, &'w Part)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'w> Visitor<'_> for WantedName<'w> {
    type Value = Option<(&'w str, &'w Part)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get_key_value(name).map(|(name, part)| (&**name, part)))
    }
}

struct ValueSeed<'w> {
    part: &'w Part,
    /// How many levels of objects and arrays there may be.
    depth: usize,
    too_deep: &'w mut bool,
}

impl<'w> ValueSeed<'w> {
    fn inner<E: serde::de::Error>(self) -> Result<(&'w Part, usize, &'w mut bool), E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok((self.part, depth, self.too_deep)),
            None => {
                *self.too_deep = true;
                Err(E::custom("nested too deeply"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value::Bool(boolean))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Int(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        Ok(i64::try_from(integer).map_or(Value::Float(integer as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let (part, depth, too_deep) = self.inner()?;
        let mut list = Vec::new();
        match part {
            Part::Whole => {
                while let Some(value) =
                    elements.next_element_seed(ValueSeed { part, depth, too_deep: &mut *too_deep })?
                {
                    list.push(value);
                }
            }
            // Only members are asked for, and a list has none: what is in it makes no difference.
            Part::Members(_) => while elements.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Value::from(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (part, depth, too_deep) = self.inner()?;
        let mut members: HashMap<Key, Value> = HashMap::new();
        match part {
            Part::Whole => {
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value_seed(ValueSeed { part, depth, too_deep: &mut *too_deep })?;
                    members.insert(name.into(), value);
                }
            }
            Part::Members(wanted) => {
                while let Some(wanted) = map.next_key_seed(WantedName(wanted))? {
                    match wanted {
                        Some((name, part)) => {
                            let value =
                                map.next_value_seed(ValueSeed { part, depth, too_deep: &mut *too_deep })?;
                            members.insert(name.into(), value);
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
            }
        }
        Ok(Value::from(members))
    }
}

/// The result of an expression as a value to convert. `digits` is where a number is put as text.
pub(super) fn scalar<'a>(value: &'a Value, digits: &'a mut itoa::Buffer) -> Scalar<'a> {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool(boolean) => Scalar::Boolean(*boolean),
        Value::Int(integer) => Scalar::Number(digits.format(*integer)),
        Value::UInt(integer) => Scalar::Number(digits.format(*integer)),
        Value::Float(double) => Scalar::Double(*double),
        Value::String(text) => Scalar::Text(text),
        Value::Bytes(bytes) => Scalar::Bytes(bytes),
        Value::Timestamp(time) => Scalar::Timestamp(time.timestamp_millis()),
        Value::List(_) => Scalar::Unconvertible(Kind::Array),
        Value::Map(_) => Scalar::Unconvertible(Kind::Object),
        Value::Duration(_) | Value::Function(..) | Value::Opaque(_) => Scalar::Unconvertible(Kind::Other),
    }
}

/// A cell as a CEL value: see the table of [`Filter`](super::Filter).
pub(super) fn of_cell(cell: Cell, cells: &Cells, input: &[u8]) -> Value {
    const MILLISECONDS_PER_DAY: i64 = 86_400_000;
    match cell {
        Cell::Absent => Value::Null,
        Cell::Boolean(boolean) => Value::Bool(boolean),
        Cell::Int(integer) => Value::Int(i64::from(integer)),
        Cell::Long(integer) => Value::Int(integer),
        Cell::Double(double) => Value::Float(double),
        Cell::Decimal { unscaled, scale } => {
            let text = written(|out| decimal::write(out, unscaled, scale));
            text.parse().map_or(Value::Null, Value::Float)
        }
        Cell::Text(span) => Value::from(cells.text(input, span)),
        Cell::Uuid(bytes) => Value::from(written(|out| uuid::write(out, bytes))),
        Cell::Timestamp(milliseconds) => timestamp(milliseconds),
        Cell::Date(days) => timestamp(i64::from(days) * MILLISECONDS_PER_DAY),
        Cell::Bytes(span) => Value::from(cells.bytes(input, span).to_vec()),
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// null beyond some 260,000 years, where no mapper makes a time.
fn timestamp(milliseconds: i64) -> Value {
    chrono::DateTime::from_timestamp_millis(milliseconds)
        .map_or(Value::Null, |time| Value::Timestamp(time.fixed_offset()))
}
