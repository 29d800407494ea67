//! A pipeline as a tree, from the resource to its pods, and the one line that says how it stands. Pure.

mod build;
mod cause;
mod draw;
#[cfg(test)]
mod states;
mod workers;

use serde::Serialize;

pub(crate) use build::tree;
pub(crate) use cause::{Cause, cause, is_ready};
pub(crate) use draw::draw;

use crate::cluster::state::State;

/// One line of the tree, and what is below it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Node {
    /// How it stands.
    pub(crate) state: State,
    /// What it is: `topic users_created`.
    pub(crate) title: String,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
    /// Kubernetes' name for what is wrong, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What it consists of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Self>,
}

impl Node {
    fn new(state: State, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { state, title: title.into(), detail: detail.into(), reason: None, children: Vec::new() }
    }

    fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }

    fn with(self, children: Vec<Self>) -> Self {
        Self { children, ..self }
    }

    /// The first broken node below this one or itself, and of that the innermost: what it all comes from.
    fn innermost_broken(&self) -> Option<&Self> {
        let below = self.children.iter().find_map(Self::innermost_broken);
        below.or_else(|| (self.state == State::Broken).then_some(self))
    }
}
