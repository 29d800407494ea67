//! The kinds of errors of a document against its schema.

use serde_json::Value;

use crate::scalar::byte_size::{BYTE_SIZE_PATTERN, ByteSize};
use crate::scalar::duration::{DURATION_PATTERN, GoDuration};
use crate::scalar::starting_offsets::{STARTING_OFFSETS_PATTERN, StartingOffsetsError};

/// A kind of error of a document against its schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaErrorKind {
    /// The schema does not declare the field.
    #[error("there is no field `{name}` here")]
    UnknownField {
        /// The name.
        name: String,
        /// The most similar declared name.
        nearest: Option<String>,
        /// The paths where fields of this name are declared.
        belongs_to: Vec<String>,
        /// Every declared name.
        known: Vec<String>,
    },
    /// A required field is missing.
    #[error("the field `{name}` is missing")]
    Missing {
        /// The name of the field.
        name: String,
        /// The value of a field that has only one.
        only: Option<String>,
    },
    /// The value has the wrong type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The expected type.
        expected: &'static str,
        /// The value.
        found: String,
        /// What to write instead, where that is certain.
        instead: Option<String>,
    },
    /// The value is not in the enumeration.
    #[error("`{found}` is not one of {}", .allowed.join(", "))]
    NotOneOf {
        /// The value.
        found: String,
        /// The most similar allowed value.
        nearest: Option<String>,
        /// Every allowed value.
        allowed: Vec<String>,
    },
    /// The text does not match the pattern.
    #[error("`{found}` is malformed: {expected}")]
    Malformed {
        /// The text.
        found: String,
        /// What is expected.
        expected: String,
    },
    /// The number is too small or too large.
    #[error("{found} is out of range: from {least} to {most}")]
    OutOfRange {
        /// The number.
        found: i64,
        /// The smallest allowed number.
        least: i64,
        /// The largest allowed number.
        most: i64,
    },
    /// There are too few characters, elements or entries.
    #[error("{count} {of} are too few: at least {least}")]
    TooFew {
        /// What is counted.
        of: &'static str,
        /// The count.
        count: u64,
        /// The smallest allowed count.
        least: u64,
    },
    /// There are too many characters, elements or entries.
    #[error("{count} {of} are too many: at most {most}")]
    TooMany {
        /// What is counted.
        of: &'static str,
        /// The count.
        count: u64,
        /// The largest allowed count.
        most: u64,
    },
    /// Two elements of the list have the same keys.
    #[error("another element has the same {keys} `{found}`")]
    Duplicate {
        /// The names of the key fields.
        keys: String,
        /// Their values.
        found: String,
    },
}

impl SchemaErrorKind {
    pub(super) fn wrong_type(expected: &'static str, value: &Value) -> Self {
        let instead = match value {
            Value::Number(_) | Value::Bool(_) if expected == "a string" => {
                Some(format!("quote it: \"{value}\""))
            }
            Value::String(text) if expected == "a whole number" && text.parse::<i64>().is_ok() => {
                Some(format!("remove the quotes: {text}"))
            }
            Value::String(text) if expected == "true or false" => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" => Some("write true".to_owned()),
                "no" | "off" | "false" => Some("write false".to_owned()),
                _ => None,
            },
            Value::String(_) | Value::Number(_) | Value::Bool(_) if expected == "a list" => {
                Some(format!("put it into brackets: [{}]", bare(value)))
            }
            _ => None,
        };
        Self::WrongType { expected, found: described(value), instead }
    }

    pub(super) fn malformed(pattern: &str, text: &str) -> Self {
        let expected = match pattern {
            DURATION_PATTERN => text.parse::<GoDuration>().err().map(|error| error.to_string()),
            BYTE_SIZE_PATTERN => text.parse::<ByteSize>().err().map(|error| error.to_string()),
            STARTING_OFFSETS_PATTERN => Some(StartingOffsetsError.to_string()),
            _ => None,
        };
        let expected = expected.unwrap_or_else(|| format!("it must match {pattern}"));
        Self::Malformed { found: shortened(text), expected }
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownField { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownField { name, belongs_to, .. } if !belongs_to.is_empty() => {
                Some(format!("`{name}` belongs to {}", belongs_to.join(" or ")))
            }
            Self::UnknownField { known, .. } if !known.is_empty() => {
                Some(format!("the fields here are {}", known.join(", ")))
            }
            Self::NotOneOf { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::WrongType { instead, .. } => instead.clone(),
            Self::Missing { name, only: Some(only) } => Some(format!("add `{name}: {only}`")),
            Self::Missing { name, only: None } => Some(format!("add `{name}`; `usp explain` describes it")),
            Self::Duplicate { .. } => Some("rename or remove one of them".to_owned()),
            Self::UnknownField { .. }
            | Self::NotOneOf { .. }
            | Self::Malformed { .. }
            | Self::OutOfRange { .. }
            | Self::TooFew { .. }
            | Self::TooMany { .. } => None,
        }
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(boolean) => format!("the boolean {boolean}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string \"{}\"", shortened(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text),
        other => other.to_string(),
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 64;
    if text.chars().count() > LONGEST {
        format!("{}...", text.chars().take(LONGEST).collect::<String>())
    } else {
        text.to_owned()
    }
}
