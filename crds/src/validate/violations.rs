//! Violations, collected while the model is built.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::resource::secret::SecretRef;
use crate::rules::{self, Rule};
use crate::scalar::duration::GoDuration;
use crate::scalar::field_path::FieldPath;
use crate::scalar::identifier::SecretName;

use super::violation::{Cause, Violation};

/// A list of violations. Validation goes on after each, so that the user sees all of them at once.
#[derive(Debug, Default)]
pub(super) struct Violations {
    violations: Vec<Violation>,
}

impl Violations {
    pub(super) fn into_vec(self) -> Vec<Violation> {
        self.violations
    }

    /// Adds a broken rule.
    pub(super) fn refuse(&mut self, path: impl Into<FieldPath>, rule: &'static Rule) {
        self.violations.push(Violation { path: path.into(), cause: Cause::Rule { rule, detail: None } });
    }

    /// Adds a broken rule with the found value or another detail.
    pub(super) fn refuse_because(
        &mut self,
        path: impl Into<FieldPath>,
        rule: &'static Rule,
        detail: impl fmt::Display,
    ) {
        let cause = Cause::Rule { rule, detail: Some(detail.to_string()) };
        self.violations.push(Violation { path: path.into(), cause });
    }

    /// Adds a broken rule unless the condition holds. Returns the condition.
    pub(super) fn require(&mut self, holds: bool, path: impl Into<FieldPath>, rule: &'static Rule) -> bool {
        if !holds {
            self.refuse(path, rule);
        }
        holds
    }

    /// Parses a text; a failure breaks the rule.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        path: impl Into<FieldPath>,
        rule: &'static Rule,
        text: &str,
    ) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.refuse_because(path, rule, Found(text));
        }
        parsed
    }

    /// Unwraps a result; an error breaks the rule and is its detail, unless it has the text of the rule.
    pub(super) fn take<T, E: fmt::Display>(
        &mut self,
        path: impl Into<FieldPath>,
        rule: &'static Rule,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            Err(error) if error.to_string() == rule.message => self.refuse(path, rule),
            Err(error) => self.refuse_because(path, rule, error),
        }
        None
    }

    /// Converts a number; one that does not fit is out of range.
    pub(super) fn number<T, N: TryFrom<T>>(&mut self, path: impl Into<FieldPath>, number: T) -> Option<N>
    where
        T: Copy + fmt::Display,
    {
        let converted = N::try_from(number).ok();
        if converted.is_none() {
            self.refuse_because(path, &rules::RANGE, format_args!("found {number}"));
        }
        converted
    }

    /// Converts a number that is at least 1; any other is out of range.
    pub(super) fn positive_number(&mut self, path: impl Into<FieldPath>, number: i32) -> Option<NonZeroU32> {
        let positive = u32::try_from(number).ok().and_then(NonZeroU32::new);
        if positive.is_none() {
            self.refuse_because(path, &rules::RANGE, format_args!("found {number}"));
        }
        positive
    }

    /// A duration that is not zero.
    pub(super) fn positive(&mut self, path: impl Into<FieldPath>, duration: GoDuration) -> Option<Duration> {
        self.require(!duration.is_zero(), path, &rules::POSITIVE_DURATION).then_some(duration.get())
    }

    /// The name of a referenced Secret. The outer `None` means that the name is invalid.
    pub(super) fn secret(&mut self, path: &str, reference: Option<&SecretRef>) -> Option<Option<SecretName>> {
        match reference {
            None => Some(None),
            Some(reference) => {
                self.parse(format!("{path}.name"), &rules::SECRET_NAME, &reference.name).map(Some)
            }
        }
    }
}

/// A text of the resource for a message: quoted, and truncated where it is long.
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
