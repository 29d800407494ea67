//! What is wrong with a resource.

use std::fmt;

use crate::rules::Rule;
use crate::scalar::field_path::FieldPath;
use crate::schema::structure::{Misshape, ShapeError};

/// Something that is wrong with a resource, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, from the top of the resource: `spec.schema.fields[2].expr`.
    pub path: FieldPath,
    /// What.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rule is broken.
    Rule {
        /// The rule, with the text that says what is wrong and the way out.
        rule: &'static Rule,
        /// What was found, where that is more than the rule says.
        detail: Option<String>,
    },
    /// The resource does not have the shape that the schema says.
    Shape(ShapeError),
    /// The resource has the shape that the schema says, and its types do not read it all the same.
    Undecodable {
        /// What they say.
        reason: String,
    },
}

impl Violation {
    pub(crate) fn undecodable(error: &serde_json::Error) -> Self {
        Self { path: FieldPath::root(), cause: Cause::Undecodable { reason: error.to_string() } }
    }

    /// The number of the rule, or `shape`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.cause {
            Cause::Rule { rule, .. } => rule.code,
            Cause::Shape(_) | Cause::Undecodable { .. } => "shape",
        }
    }

    /// What is wrong; for a rule, the text of the CRD.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.cause {
            Cause::Rule { rule, .. } => rule.message.to_owned(),
            Cause::Shape(error) => error.to_string(),
            Cause::Undecodable { reason } => reason.clone(),
        }
    }

    /// What was found, where that is more than the message says.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match &self.cause {
            Cause::Rule { detail, .. } => detail.as_deref(),
            Cause::Shape(_) | Cause::Undecodable { .. } => None,
        }
    }

    /// What to write instead, where that is more than the message says.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match &self.cause {
            Cause::Rule { .. } | Cause::Undecodable { .. } => None,
            Cause::Shape(error) => error.help(),
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

impl From<Misshape> for Violation {
    fn from(Misshape { path, error }: Misshape) -> Self {
        Self { path, cause: Cause::Shape(error) }
    }
}
