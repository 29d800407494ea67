//! The ways in which a document differs from its schema.

use serde_json::Value;

use crate::scalar::byte_size::{BYTE_SIZE_PATTERN, ByteSize};
use crate::scalar::duration::{DURATION_PATTERN, GoDuration};
use crate::scalar::starting_offsets::{STARTING_OFFSETS_PATTERN, StartingOffsetsError};

/// How a document differs from its schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There is no field of that name.
    #[error("there is no field `{name}` here")]
    UnknownField {
        /// The name.
        name: String,
        /// The declared name that is most like it.
        nearest: Option<String>,
        /// Where fields of exactly that name are declared.
        belongs_to: Vec<String>,
        /// Every declared name.
        known: Vec<String>,
    },
    /// A field that every such object has is missing.
    #[error("the field `{name}` is missing")]
    Missing {
        /// The name of the field.
        name: String,
        /// Its value, where there is only one that it can have.
        only: Option<String>,
    },
    /// The value has another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The type that it should have.
        expected: &'static str,
        /// What it is.
        found: String,
        /// What to write instead, where that is plain.
        instead: Option<String>,
    },
    /// The value is none of those that are allowed.
    #[error("`{found}` is not one of {}", .allowed.join(", "))]
    NotOneOf {
        /// The value.
        found: String,
        /// The allowed value that is most like it.
        nearest: Option<String>,
        /// Every allowed value.
        allowed: Vec<String>,
    },
    /// The text is not spelled as it should be.
    #[error("`{found}` is not spelled as it should be: {expected}")]
    Malformed {
        /// The text.
        found: String,
        /// The spelling that is expected.
        expected: String,
    },
    /// The number is too small or too large.
    #[error("{found} is out of range: from {least} to {most}")]
    OutOfRange {
        /// The number.
        found: i64,
        /// The smallest that is allowed.
        least: i64,
        /// The largest that is allowed.
        most: i64,
    },
    /// There are too few characters, elements or entries.
    #[error("{count} {of} are too few: at least {least}")]
    TooFew {
        /// What is counted.
        of: &'static str,
        /// How many there are.
        count: u64,
        /// The fewest that are allowed.
        least: u64,
    },
    /// There are too many characters, elements or entries.
    #[error("{count} {of} are too many: at most {most}")]
    TooMany {
        /// What is counted.
        of: &'static str,
        /// How many there are.
        count: u64,
        /// The most that are allowed.
        most: u64,
    },
    /// An element is in the list twice.
    #[error("there is another element with the {keys} `{found}`")]
    Duplicate {
        /// The names of the fields that tell elements apart.
        keys: String,
        /// Their values.
        found: String,
    },
}

impl ShapeError {
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
            Self::Missing { name, only: None } => {
                Some(format!("add `{name}`; `usp explain` says what it holds"))
            }
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
