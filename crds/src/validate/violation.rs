//! A violation of the schema or of a rule.

use std::fmt;

use crate::rules::Rule;
use crate::scalar::field_path::FieldPath;
use crate::schema::validation::{SchemaError, SchemaErrorKind};

/// A violation of the schema or of a rule by a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field: `spec.schema.fields[2].expr`.
    pub path: FieldPath,
    /// What is violated.
    pub cause: Cause,
}

/// What is violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rule is broken.
    Rule {
        /// The rule, whose text has what is wrong and the way out.
        rule: &'static Rule,
        /// The found value or the cause, where it adds to the rule's text.
        detail: Option<String>,
    },
    /// The resource does not conform to the schema.
    Schema(SchemaErrorKind),
    /// The resource conforms to the schema and does not decode into its types.
    Undecodable {
        /// The decoder's error.
        reason: String,
    },
}

impl Violation {
    pub(crate) fn undecodable(error: &serde_json::Error) -> Self {
        Self { path: FieldPath::root(), cause: Cause::Undecodable { reason: error.to_string() } }
    }

    /// The code of the rule, or `schema`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.cause {
            Cause::Rule { rule, .. } => rule.code,
            Cause::Schema(_) | Cause::Undecodable { .. } => "schema",
        }
    }

    /// What is wrong; for a rule, its text in the CRD.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.cause {
            Cause::Rule { rule, .. } => rule.message.to_owned(),
            Cause::Schema(error) => error.to_string(),
            Cause::Undecodable { reason } => reason.clone(),
        }
    }

    /// The found value or the cause, where it adds to the message.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match &self.cause {
            Cause::Rule { detail, .. } => detail.as_deref(),
            Cause::Schema(_) | Cause::Undecodable { .. } => None,
        }
    }

    /// What to write instead, where it adds to the message.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match &self.cause {
            Cause::Rule { .. } | Cause::Undecodable { .. } => None,
            Cause::Schema(error) => error.help(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message())?;
        if let Some(detail) = self.detail() {
            write!(f, " ({detail})")?;
        }
        match self.help() {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Violation {}

impl From<SchemaError> for Violation {
    fn from(SchemaError { path, error }: SchemaError) -> Self {
        Self { path, cause: Cause::Schema(error) }
    }
}
