//! Why a pipeline is reconciled.

use crate::diff::expectations::ObjectKey;

/// A set with more triggers than this, which is more than a pipeline has objects, becomes a single
/// [`Trigger::Changed`].
const MOST_TRIGGERS: usize = 32;

/// Why a pipeline is reconciled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Something has changed.
    Changed,
    /// A watch has shown this version of the pipeline or of an object that it owns. The operator may have written it
    /// itself.
    Observed(ObjectKey, String),
}

/// The triggers that a pipeline has collected. Empty for one that is reconciled only because its time has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Triggers(Vec<Trigger>);

impl Triggers {
    /// Adds a trigger.
    pub(crate) fn add(&mut self, trigger: Trigger) {
        if self.0.len() == MOST_TRIGGERS {
            self.0.clear();
            self.0.push(Trigger::Changed);
        } else if !self.0.contains(&trigger) {
            self.0.push(trigger);
        }
    }

    /// All of them.
    pub(crate) fn as_slice(&self) -> &[Trigger] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(version: &str) -> Trigger {
        Trigger::Observed(ObjectKey::Pipeline, version.to_owned())
    }

    #[test]
    fn later_version_does_not_hide_an_earlier_one() {
        let mut triggers = Triggers::default();
        for version in ["4", "5", "4"] {
            triggers.add(observed(version));
        }
        assert_eq!(triggers.as_slice(), [observed("4"), observed("5")]);
    }

    #[test]
    fn too_many_triggers_become_one() {
        let mut triggers = Triggers::default();
        for version in 0..=MOST_TRIGGERS {
            triggers.add(observed(&version.to_string()));
        }
        assert_eq!(triggers.as_slice(), [Trigger::Changed]);
    }
}
