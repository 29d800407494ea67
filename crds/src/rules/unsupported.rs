//! Fields that this version does not act on. The CRD, [`validate`](crate::validate) and thereby every worker refuse
//! them.
//!
//! Support for a field comes with the removal of its entry: nothing else refuses it.

use serde_json::Value;

use super::Rule;
use crate::scalar::field_path::FieldPath;

/// A field that this version does not act on.
#[derive(Debug)]
pub struct Unsupported {
    /// Where the field is in the spec: `schema.format`.
    pub field: &'static str,
    /// What the field may be all the same.
    pub accepted: Accepted,
    /// The refusal: what is not supported, the field, and the way out.
    pub rule: Rule,
}

/// What an unsupported field may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Absent.
    Absent,
    /// An empty list, which is its default.
    Empty,
    /// This text, which is its default.
    Text(&'static str),
    /// This number, which is its default.
    Number(i64),
    /// An object whose fields of these names are no more than this.
    Members(&'static [(&'static str, Self)]),
}

/// Every unsupported field.
pub const UNSUPPORTED: &[Unsupported] = &[
    unsupported(
        "schema.format",
        Accepted::Text("Json"),
        "formats Avro and Protobuf are not supported in this version; set schema.format: Json",
    ),
    unsupported(
        "schema.registry",
        Accepted::Absent,
        "schema registries are not supported in this version; remove schema.registry",
    ),
    unsupported(
        "processor.watermark",
        Accepted::Absent,
        "watermarks are not supported in this version; remove processor.watermark",
    ),
    unsupported(
        "processor.dedupe",
        Accepted::Absent,
        "deduplication is not supported in this version; remove processor.dedupe",
    ),
    unsupported(
        "processor.aggregations",
        Accepted::Empty,
        "windowed aggregations are not supported in this version; remove processor.aggregations",
    ),
    unsupported(
        "replay",
        Accepted::Members(&[
            ("nonce", Accepted::Number(0)),
            ("from", Accepted::Absent),
            ("to", Accepted::Absent),
            ("maxRecordsPerSecond", Accepted::Number(2000)),
        ]),
        "replay is not supported in this version; remove replay",
    ),
    unsupported(
        "delivery.deadLetter.redriveNonce",
        Accepted::Number(0),
        "redriving dead letters is not supported in this version; remove delivery.deadLetter.redriveNonce",
    ),
];

const fn unsupported(field: &'static str, accepted: Accepted, message: &'static str) -> Unsupported {
    Unsupported { field, accepted, rule: Rule { code: "unsupported", message } }
}

impl Unsupported {
    /// Where the field is in the resource.
    #[must_use]
    pub fn path(&self) -> FieldPath {
        FieldPath::from(format!("spec.{}", self.field))
    }

    /// Whether a resource sets the field to something that is not accepted.
    #[must_use]
    pub fn is_set(&self, resource: &Value) -> bool {
        !self.accepted.accepts(self.path().find(resource))
    }

    /// The condition in CEL, for the schema of the field itself: the API server evaluates it only where the field is
    /// set.
    #[must_use]
    pub fn cel(&self) -> String {
        match self.accepted {
            Accepted::Absent => "false".to_owned(),
            accepted => accepted.cel("self"),
        }
    }
}

impl Accepted {
    fn accepts(self, value: Option<&Value>) -> bool {
        let Some(value) = value.filter(|value| !value.is_null()) else { return true };
        match self {
            Self::Absent => false,
            Self::Empty => value.as_array().is_some_and(Vec::is_empty),
            Self::Text(text) => value.as_str() == Some(text),
            Self::Number(number) => value.as_i64() == Some(number),
            Self::Members(members) => {
                members.iter().all(|(name, accepted)| accepted.accepts(value.get(*name)))
            }
        }
    }

    fn cel(self, subject: &str) -> String {
        match self {
            Self::Absent => format!("!has({subject})"),
            Self::Empty => format!("size({subject}) == 0"),
            Self::Text(text) => format!("{subject} == '{text}'"),
            Self::Number(number) => format!("{subject} == {number}"),
            Self::Members(members) => {
                let conditions: Vec<String> = members
                    .iter()
                    .map(|(name, accepted)| accepted.cel(&format!("{subject}.{name}")))
                    .collect();
                conditions.join(" && ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn default_of_an_unsupported_field_is_accepted() {
        let defaults = json!({"spec": {
            "schema": {"format": "Json", "registry": null},
            "processor": {"aggregations": []},
            "replay": {"nonce": 0, "maxRecordsPerSecond": 2000},
            "delivery": {"deadLetter": {"redriveNonce": 0}},
        }});
        for entry in UNSUPPORTED {
            assert!(!entry.is_set(&defaults) && !entry.is_set(&json!({})), "{}", entry.field);
        }
    }
}
