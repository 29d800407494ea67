//! Maps.

use std::cmp::Ordering;

use super::Value;
use crate::budget::Budget;
use crate::evaluation_error::EvaluationErrorKind;
use crate::number;

/// A map: its entries in the order of their keys, each key once.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    entries: &'a [Entry<'a>],
}

type Entry<'a> = (Value<'a>, Value<'a>);

impl<'a> Map<'a> {
    /// The map of an object's members. The last member with a name counts.
    ///
    /// # Errors
    /// When the memory is used up.
    pub fn of_members(
        mut members: Vec<(&'a str, Value<'a>)>,
        budget: &'a Budget,
    ) -> Result<Self, EvaluationErrorKind> {
        // The sort is stable, and of equal names the first one is kept.
        members.reverse();
        members.sort_by(|left, right| left.0.cmp(right.0));
        members.dedup_by(|later, first| later.0 == first.0);
        let entries: Vec<Entry<'a>> =
            members.into_iter().map(|(name, value)| (Value::String(name), value)).collect();
        Ok(Self { entries: budget.keep_all(&entries)? })
    }

    /// The map with these entries.
    pub(crate) fn build(
        mut entries: Vec<Entry<'a>>,
        budget: &'a Budget,
    ) -> Result<Self, EvaluationErrorKind> {
        entries.sort_by(|left, right| compare_keys(&left.0, &right.0));
        let twice =
            |pair: &[Entry<'_>]| matches!(pair, [left, right] if compare_keys(&left.0, &right.0).is_eq());
        if entries.windows(2).any(twice) {
            return Err(EvaluationErrorKind::DuplicateKey);
        }
        Ok(Self { entries: budget.build(&entries)? })
    }

    /// The entries in the order of their keys: booleans, then numbers, then texts.
    #[must_use]
    pub fn entries(self) -> &'a [(Value<'a>, Value<'a>)] {
        self.entries
    }

    /// The value of a key.
    pub(crate) fn get(self, key: &Value<'_>) -> Option<Value<'a>> {
        let position = self.entries.binary_search_by(|(found, _)| compare_keys(found, key)).ok()?;
        self.entries.get(position).map(|(_, value)| *value)
    }

    /// The value of a member.
    #[must_use]
    pub fn member(self, name: &str) -> Option<Value<'a>> {
        self.get(&Value::String(name))
    }
}

/// The order of keys. Only keys of a kind that a map can have are compared.
fn compare_keys(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => match (left.number(), right.number()) {
            // Only NaN has no order, and it is the key of no entry.
            (Some(left), Some(right)) => number::compare(left, right).unwrap_or(Ordering::Less),
            _ => rank(left).cmp(&rank(right)),
        },
    }
}

fn rank(key: &Value<'_>) -> u8 {
    match key {
        Value::Bool(_) => 0,
        Value::String(_) => 2,
        _ => 1,
    }
}
