//! Validation of a document against a structural schema, as the API server does it before it evaluates rules.

mod error;
mod pattern;
mod suggestion;

pub use error::SchemaErrorKind;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::scalar::field_path::FieldPath;
use crate::schema::definition::properties;
use suggestion::{belongs_to, nearest};

/// An error of a document against its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The path of the value; for a missing field, where it belongs.
    pub path: FieldPath,
    /// What is wrong.
    pub error: SchemaErrorKind,
}

/// All errors of a document against its schema, in the order of the document. Nulls count as absent.
#[must_use]
pub fn errors(schema: &Value, document: &Value) -> Vec<SchemaError> {
    errors_at(&FieldPath::root(), schema, document)
}

/// The same for a part of a document, at `path`.
#[must_use]
pub fn errors_at(path: &FieldPath, schema: &Value, part: &Value) -> Vec<SchemaError> {
    let mut checker = Checker { whole: schema, found: Vec::new() };
    checker.check(path, schema, part);
    checker.found
}

struct Checker<'a> {
    whole: &'a Value,
    found: Vec<SchemaError>,
}

impl Checker<'_> {
    fn refuse(&mut self, path: &FieldPath, error: SchemaErrorKind) {
        self.found.push(SchemaError { path: path.clone(), error });
    }

    fn check(&mut self, path: &FieldPath, schema: &Value, value: &Value) {
        if int_or_string(schema) {
            match value {
                Value::String(text) => self.check_string(path, schema, text),
                Value::Number(number) if number.is_i64() => self.check_integer(path, schema, value),
                _ => self.refuse(path, SchemaErrorKind::wrong_type("a whole number or a string", value)),
            }
            return;
        }
        match (schema.get("type").and_then(Value::as_str), value) {
            // The pattern's error helps more than the advice to quote the number.
            (Some("string"), Value::Number(number)) if schema.get("pattern").is_some() => {
                self.check_string(path, schema, &number.to_string());
            }
            (Some("object"), Value::Object(members)) => self.check_object(path, schema, members),
            (Some("array"), Value::Array(elements)) => self.check_list(path, schema, elements),
            (Some("string"), Value::String(text)) => self.check_string(path, schema, text),
            (Some("integer"), Value::Number(_)) => self.check_integer(path, schema, value),
            (Some("number"), Value::Number(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => {}
            (Some(expected), found) => {
                self.refuse(path, SchemaErrorKind::wrong_type(type_name(expected), found));
            }
        }
    }

    fn check_object(&mut self, path: &FieldPath, schema: &Value, members: &Map<String, Value>) {
        let declared = properties(schema);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
            || (declared.is_none() && others.is_none());
        let mut misspelt = BTreeSet::new();
        for (name, member) in members.iter().filter(|(_, member)| !member.is_null()) {
            match (declared.and_then(|declared| declared.get(name)), others) {
                (Some(schema), _) => self.check(&path.property(name), schema, member),
                (None, Some(schema)) => self.check(&path.key(name), schema, member),
                (None, None) if open => {}
                (None, None) => {
                    let known = declared.into_iter().flat_map(Map::keys).map(String::as_str);
                    let nearest = nearest(name, known.clone());
                    misspelt.extend(nearest.clone());
                    let error = SchemaErrorKind::UnknownField {
                        name: name.clone(),
                        nearest,
                        belongs_to: belongs_to(self.whole, name),
                        known: known.map(str::to_owned).collect(),
                    };
                    self.refuse(&path.property(name), error);
                }
            }
        }
        for name in strings(schema.get("required")) {
            // A field under a misspelt name is reported as unknown, not as missing too.
            if members.get(name).is_none_or(Value::is_null) && !misspelt.contains(name) {
                let schema = declared.and_then(|declared| declared.get(name));
                let allowed: Vec<&str> = strings(schema.and_then(|schema| schema.get("enum"))).collect();
                let only = match allowed[..] {
                    [only] => Some(only.to_owned()),
                    _ => None,
                };
                self.refuse(&path.property(name), SchemaErrorKind::Missing { name: name.to_owned(), only });
            }
        }
        let count = members.values().filter(|member| !member.is_null()).count();
        self.check_count(path, "entries", bounds(schema, "minProperties", "maxProperties"), count);
    }

    fn check_list(&mut self, path: &FieldPath, schema: &Value, elements: &[Value]) {
        self.check_count(path, "elements", bounds(schema, "minItems", "maxItems"), elements.len());
        if let Some(items) = schema.get("items") {
            for (index, element) in elements.iter().enumerate() {
                self.check(&path.index(index), items, element);
            }
        }
        let keys: Vec<&str> = strings(schema.get("x-kubernetes-list-map-keys")).collect();
        if keys.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, element) in elements.iter().enumerate() {
            let identity: Vec<_> = keys.iter().map(|key| element.get(key).and_then(Value::as_str)).collect();
            if identity.iter().all(Option::is_some) && !seen.insert(identity.clone()) {
                let found = identity.into_iter().flatten().collect::<Vec<_>>().join(", ");
                self.refuse(&path.index(index), SchemaErrorKind::Duplicate { keys: keys.join(", "), found });
            }
        }
    }

    fn check_string(&mut self, path: &FieldPath, schema: &Value, text: &str) {
        let allowed: Vec<&str> = strings(schema.get("enum")).collect();
        if !allowed.is_empty() {
            if !allowed.contains(&text) {
                let error = SchemaErrorKind::NotOneOf {
                    found: text.to_owned(),
                    nearest: nearest(text, allowed.iter().copied()),
                    allowed: allowed.into_iter().map(str::to_owned).collect(),
                };
                self.refuse(path, error);
            }
            return;
        }
        self.check_count(path, "characters", bounds(schema, "minLength", "maxLength"), text.chars().count());
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return };
        if !pattern::matches(pattern, text) {
            self.refuse(path, SchemaErrorKind::malformed(pattern, text));
        }
    }

    fn check_integer(&mut self, path: &FieldPath, schema: &Value, value: &Value) {
        let Some(number) = value.as_i64() else {
            self.refuse(path, SchemaErrorKind::wrong_type("a whole number of at most 64 bits", value));
            return;
        };
        let (smallest, largest) = match schema.get("format").and_then(Value::as_str) {
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            _ => (i64::MIN, i64::MAX),
        };
        let least = schema.get("minimum").and_then(Value::as_i64).unwrap_or(smallest);
        let most = schema.get("maximum").and_then(Value::as_i64).unwrap_or(largest);
        if !(least..=most).contains(&number) {
            self.refuse(path, SchemaErrorKind::OutOfRange { found: number, least, most });
        }
    }

    fn check_count(&mut self, path: &FieldPath, of: &'static str, (least, most): (u64, u64), count: usize) {
        let count = count as u64;
        if count < least {
            self.refuse(path, SchemaErrorKind::TooFew { of, count, least });
        } else if count > most {
            self.refuse(path, SchemaErrorKind::TooMany { of, count, most });
        }
    }
}

fn int_or_string(schema: &Value) -> bool {
    schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
}

fn bounds(schema: &Value, least: &str, most: &str) -> (u64, u64) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    (bound(least).unwrap_or(0), bound(most).unwrap_or(u64::MAX))
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn type_name(expected: &str) -> &'static str {
    match expected {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "another type",
    }
}
