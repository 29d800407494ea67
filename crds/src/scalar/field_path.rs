//! Where something is in a resource: `spec.schema.fields[2].expr`.

use std::fmt;

use serde_json::Value;

/// A place in a resource, as Kubernetes writes it: names with dots between them, indexes and the keys of maps in brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    steps: Vec<Step>,
}

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A declared property of an object.
    Property(String),
    /// A key of a map, which people chose.
    Key(String),
    /// An element of a list.
    Index(usize),
}

impl FieldPath {
    /// The resource itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The steps from the resource to the place.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The place of a property in the object at this place.
    #[must_use]
    pub fn property(&self, name: impl Into<String>) -> Self {
        self.join(Step::Property(name.into()))
    }

    /// The place of a key in the map at this place.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.join(Step::Key(key.into()))
    }

    /// The place of an element in the list at this place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Step::Index(index))
    }

    /// The place that this one is in; `None` for the resource itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, steps) = self.steps.split_last()?;
        Some(Self { steps: steps.to_vec() })
    }

    /// What a document has at this place.
    #[must_use]
    pub fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(document, |value, step| match step {
            Step::Property(name) | Step::Key(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }

    fn join(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(step);
        Self { steps }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Property(name) if position == 0 => f.write_str(name)?,
                Step::Property(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Reads what the project's own code writes, declared names and indexes: `spec.schema.fields[2].expr`. Keys of maps are
/// added with [`FieldPath::key`], since they may hold dots and brackets.
impl From<&str> for FieldPath {
    fn from(text: &str) -> Self {
        let steps = text
            .split('.')
            .filter(|part| !part.is_empty())
            .flat_map(|part| {
                let (name, indexes) = part.split_once('[').unwrap_or((part, ""));
                let indexes = indexes.split('[').filter_map(|index| index.strip_suffix(']')?.parse().ok());
                std::iter::once(Step::Property(name.to_owned())).chain(indexes.map(Step::Index))
            })
            .collect();
        Self { steps }
    }
}

impl From<String> for FieldPath {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for FieldPath {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&FieldPath> for FieldPath {
    fn from(path: &FieldPath) -> Self {
        path.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_is_written_as_kubernetes_writes_it() {
        let path = FieldPath::from("spec.schema").property("fields").index(2).property("expr");
        assert_eq!(path.to_string(), "spec.schema.fields[2].expr");
        assert_eq!(path, FieldPath::from("spec.schema.fields[2].expr"));
        let path = FieldPath::from("spec.kafka.topic.config").key("retention.ms");
        assert_eq!(path.to_string(), "spec.kafka.topic.config[retention.ms]");
    }

    #[test]
    fn a_path_finds_its_value_and_nothing_beside_it() {
        let document = json!({"spec": {"config": {"retention.ms": "1"}, "list": [{"a": true}]}});
        let find = |path: FieldPath| path.find(&document).cloned();
        assert_eq!(find(FieldPath::from("spec.config").key("retention.ms")), Some(json!("1")));
        assert_eq!(find(FieldPath::from("spec.list[0].a")), Some(json!(true)));
        assert_eq!(find(FieldPath::from("spec.list[1].a")), None);
        assert_eq!(find(FieldPath::root()), Some(document.clone()));
    }

    #[test]
    fn the_parent_of_the_resource_is_nothing() {
        assert_eq!(FieldPath::from("spec").parent(), Some(FieldPath::root()));
        assert_eq!(FieldPath::root().parent(), None);
    }
}
