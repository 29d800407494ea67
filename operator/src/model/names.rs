//! The names and the labels of a pipeline's objects.

use std::collections::BTreeMap;

use userstream_crds::identifier::PipelineName;
use userstream_crds::names::{COMPONENT, Component, FIELD_MANAGER, PIPELINE};

/// The value of `app.kubernetes.io/managed-by`.
pub const MANAGED_BY: &str = FIELD_MANAGER;

/// The names of a pipeline's objects. A pipeline's name has at most 40 characters, so each of these fits into a label
/// and into a CronJob's name.
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

    /// The Job of a manual run. A short nonce stays readable in the name, a long one is hashed.
    #[must_use]
    pub fn run(&self, nonce: i64) -> String {
        let readable = nonce.to_string();
        if readable.len() <= 10 && nonce >= 0 {
            self.numbered(Component::Run, &readable)
        } else {
            self.numbered(Component::Run, &super::hash::short(readable.as_bytes()))
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

/// A selector as the scale subresource writes it: `a=b,c=d`.
#[must_use]
pub fn selector_text(selector: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_names_of_the_longest_pipeline_fit_into_a_label() {
        let longest: PipelineName = "a".repeat(40).parse().unwrap();
        let names = Names(&longest);
        let hash = crate::model::hash::short(b"anything");
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
