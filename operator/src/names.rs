//! What things are called: derived names, labels, annotations.

use std::collections::BTreeMap;

use userstream_crds::identifier::PipelineName;

/// The field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "userstream-operator";
/// The value of `app.kubernetes.io/managed-by`.
pub const MANAGED_BY: &str = "userstream-operator";
/// The label that tells whose an object is; with [`COMPONENT`] it selects pods.
pub const PIPELINE: &str = "userstream.dev/pipeline";
/// The label that tells what an object is for.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// The annotation with the hash of the configuration that a workload runs with.
pub const CONFIGURATION: &str = "userstream.dev/configuration";
/// The annotation with the hash of what was applied last, see [`crate::drift`].
pub const APPLIED: &str = "userstream.dev/applied";
/// The annotation on a pipeline that keeps the operator from changing anything.
pub const PAUSE: &str = "userstream.dev/pause-reconciliation";
/// The annotation on a pipeline that has it provisioned once more when its value changes.
pub const REQUESTED_AT: &str = "userstream.dev/requested-at";
/// The finalizer of a pipeline that deletes what it created.
pub const FINALIZER: &str = "userstream.dev/cleanup";

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Fetches from the source and appends to the topic.
    Producer,
    /// Reads the topic and writes the table.
    Processor,
    /// Makes topic and table.
    Provision,
    /// Says what making them would change.
    Plan,
    /// Runs the producer once, now.
    Run,
    /// Deletes what the pipeline created.
    Cleanup,
    /// The worker's configuration.
    Configuration,
}

impl Component {
    /// The label's value, and the part of names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Processor => "processor",
            Self::Provision => "provision",
            Self::Plan => "plan",
            Self::Run => "run",
            Self::Cleanup => "cleanup",
            Self::Configuration => "config",
        }
    }
}

/// The names of a pipeline's objects. A pipeline's name has at most 40 characters, so that each of these fits into a
/// label and a CronJob's name.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a>(pub &'a PipelineName);

impl Names<'_> {
    /// The one object of a component: `users-processor`.
    #[must_use]
    pub fn of(&self, component: Component) -> String {
        format!("{}-{}", self.0, component.name())
    }

    /// One of several objects of a component: `users-provision-1f2e3d4c5b`.
    #[must_use]
    pub fn numbered(&self, component: Component, key: &str) -> String {
        format!("{}-{}-{key}", self.0, component.name())
    }

    /// The Job that runs the producer for a nonce. Short nonces are readable, long ones only unique.
    #[must_use]
    pub fn run(&self, nonce: i64) -> String {
        let readable = nonce.to_string();
        if readable.len() <= 10 && nonce >= 0 {
            self.numbered(Component::Run, &readable)
        } else {
            self.numbered(Component::Run, &crate::hash::short(readable.as_bytes()))
        }
    }

    /// The labels of an object.
    #[must_use]
    pub fn labels(&self, component: Component) -> BTreeMap<String, String> {
        let mut labels = self.selector(component);
        labels.extend(
            [
                ("app.kubernetes.io/name", "userstream"),
                ("app.kubernetes.io/instance", self.0.as_str()),
                ("app.kubernetes.io/part-of", "userstream"),
                ("app.kubernetes.io/managed-by", MANAGED_BY),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        labels
    }

    /// The labels that select the pods of a component. They never change: a Deployment's selector cannot.
    #[must_use]
    pub fn selector(&self, component: Component) -> BTreeMap<String, String> {
        [(PIPELINE, self.0.as_str()), (COMPONENT, component.name())]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }
}

/// A selector as the scale subresource tells it: `a=b,c=d`.
#[must_use]
pub fn selector_text(selector: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_derived_name_of_the_longest_pipeline_fits_into_a_label() {
        let longest: PipelineName = "a".repeat(40).parse().unwrap();
        let names = Names(&longest);
        let hash = crate::hash::short(b"anything");
        let mut derived = vec![names.of(Component::Producer), names.of(Component::Processor)];
        derived.extend([0, 7, 1_700_000_000, i64::MAX, -1, i64::MIN].map(|nonce| names.run(nonce)));
        derived.extend(
            [Component::Provision, Component::Plan, Component::Cleanup, Component::Configuration]
                .map(|component| names.numbered(component, &hash)),
        );
        for name in &derived {
            assert!(name.len() <= 63 && !name.ends_with('-') && !name.contains("--"), "{name}");
        }
        assert!(names.of(Component::Producer).len() <= 52, "a CronJob's name has at most 52 characters");
        let distinct: std::collections::BTreeSet<&String> = derived.iter().collect();
        assert_eq!(distinct.len(), derived.len());
    }
}
