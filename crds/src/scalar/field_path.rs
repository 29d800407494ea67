//! Paths of fields in a resource: `spec.schema.fields[2].expr`.

use std::fmt;

use serde_json::Value;

/// The path of a field in a resource, in Kubernetes' notation: names separated by dots, indexes and keys of maps in
/// brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    steps: Vec<Step>,
}

/// A step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A declared property of an object.
    Property(String),
    /// A key of a map.
    Key(String),
    /// An element of a list.
    Index(usize),
}

impl FieldPath {
    /// The path of the resource itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The steps from the resource to the field.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The path of a property of the object at this path.
    #[must_use]
    pub fn property(&self, name: impl Into<String>) -> Self {
        self.join(Step::Property(name.into()))
    }

    /// The path of a key of the map at this path.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.join(Step::Key(key.into()))
    }

    /// The path of an element of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Step::Index(index))
    }

    /// The path of the parent; `None` for the resource itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, steps) = self.steps.split_last()?;
        Some(Self { steps: steps.to_vec() })
    }

    /// The value of a document at this path.
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

/// Parses declared names and indexes: `spec.schema.fields[2].expr`. Keys of maps are added with [`FieldPath::key`],
/// since they can contain dots and brackets.
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
    fn path_has_kubernetes_notation() {
        let path = FieldPath::from("spec.schema").property("fields").index(2).property("expr");
        assert_eq!(path.to_string(), "spec.schema.fields[2].expr");
        assert_eq!(path, FieldPath::from("spec.schema.fields[2].expr"));
        let path = FieldPath::from("spec.kafka.topic.config").key("retention.ms");
        assert_eq!(path.to_string(), "spec.kafka.topic.config[retention.ms]");
    }

    #[test]
    fn path_finds_its_value_in_a_document() {
        let document = json!({"spec": {"config": {"retention.ms": "1"}, "list": [{"a": true}]}});
        let find = |path: FieldPath| path.find(&document).cloned();
        assert_eq!(find(FieldPath::from("spec.config").key("retention.ms")), Some(json!("1")));
        assert_eq!(find(FieldPath::from("spec.list[0].a")), Some(json!(true)));
        assert_eq!(find(FieldPath::from("spec.list[1].a")), None);
        assert_eq!(find(FieldPath::root()), Some(document.clone()));
    }

    #[test]
    fn resource_has_no_parent() {
        assert_eq!(FieldPath::from("spec").parent(), Some(FieldPath::root()));
        assert_eq!(FieldPath::root().parent(), None);
    }
}
