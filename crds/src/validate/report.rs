//! What is wrong with a resource, collected.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration::GoDuration;
use crate::identifier::SecretName;
use crate::rules::{self, Rule};
use crate::secret::SecretRef;

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, from the top of the resource: `spec.schema.fields[2].expr`.
    pub path: String,
    /// The rule, with the text that says what is wrong and the way out.
    pub rule: &'static Rule,
    /// What was found there, where that is more than the rule says.
    pub detail: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule.message)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Violation {}

/// Collects violations while the model is built, so that the first one does not hide the others.
#[derive(Debug, Default)]
pub(super) struct Report {
    violations: Vec<Violation>,
}

impl Report {
    pub(super) fn is_empty(&self) -> bool {
        self.violations.is_empty()
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Notes that a rule is broken.
    pub(super) fn refuse(&mut self, path: impl Into<String>, rule: &'static Rule) {
        self.violations.push(Violation { path: path.into(), rule, detail: None });
    }

    /// Notes that a rule is broken and what was found.
    pub(super) fn refuse_because(
        &mut self,
        path: impl Into<String>,
        rule: &'static Rule,
        detail: impl fmt::Display,
    ) {
        self.violations.push(Violation { path: path.into(), rule, detail: Some(detail.to_string()) });
    }

    /// Notes a broken rule unless the condition holds; gives the condition back.
    pub(super) fn require(&mut self, holds: bool, path: impl Into<String>, rule: &'static Rule) -> bool {
        if !holds {
            self.refuse(path, rule);
        }
        holds
    }

    /// Reads a text; a failure breaks the rule.
    pub(super) fn parse<T: FromStr>(&mut self, path: &str, rule: &'static Rule, text: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.refuse_because(path, rule, Found(text));
        }
        parsed
    }

    /// Takes a result; an error breaks the rule and is the detail.
    pub(super) fn take<T, E: fmt::Display>(
        &mut self,
        path: &str,
        rule: &'static Rule,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.refuse_because(path, rule, error)).ok()
    }

    /// Converts a number; one that does not fit is out of range.
    pub(super) fn number<T, N: TryFrom<T>>(&mut self, path: &str, number: T) -> Option<N>
    where
        T: Copy + fmt::Display,
    {
        let converted = N::try_from(number).ok();
        if converted.is_none() {
            self.refuse_because(path, &rules::RANGE, format_args!("found {number}"));
        }
        converted
    }

    /// A duration that is not zero.
    pub(super) fn positive(&mut self, path: &str, duration: GoDuration) -> Option<Duration> {
        self.require(!duration.is_zero(), path, &rules::POSITIVE_DURATION).then_some(duration.get())
    }

    /// The name of a Secret, where there is one; the outer `None` says that the name is not a name.
    pub(super) fn secret(&mut self, path: &str, reference: Option<&SecretRef>) -> Option<Option<SecretName>> {
        match reference {
            None => Some(None),
            Some(reference) => {
                self.parse(&format!("{path}.name"), &rules::SECRET_NAME, &reference.name).map(Some)
            }
        }
    }
}

/// A text of a resource in a message: quoted, and cut where it is long.
pub(super) struct Found<'a>(pub(super) &'a str);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 64;
        if self.0.chars().count() > LONGEST {
            write!(f, "found {:?}...", self.0.chars().take(LONGEST).collect::<String>())
        } else {
            write!(f, "found {:?}", self.0)
        }
    }
}
