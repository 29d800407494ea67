//! A pipeline as a tree, from the resource to its pods, and the root cause of its state. Pure.

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

/// A part of a pipeline that can be the root cause of its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Operator,
    Cleanup,
    Planning,
    Provisioning,
    Producer,
    Processor,
}

impl Part {
    const fn title(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Cleanup => "cleanup",
            Self::Planning => "planning",
            Self::Provisioning => "provisioning",
            Self::Producer => "producer",
            Self::Processor => "processor",
        }
    }
}

/// One line of the tree, and its children.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Node {
    /// The part; `None` below a part, and where a part is never the root cause.
    #[serde(skip)]
    part: Option<Part>,
    /// The state.
    pub(crate) state: State,
    /// Kind and name: `topic users_created`.
    pub(crate) title: String,
    /// Details of the state.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
    /// The reason of Kubernetes for a pod that does not start: `ImagePullBackOff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The nodes below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Self>,
}

impl Node {
    fn new(state: State, title: impl Into<String>, detail: impl Into<String>) -> Self {
        let (title, detail) = (title.into(), detail.into());
        Self { part: None, state, title, detail, reason: None, children: Vec::new() }
    }

    fn of_part(part: Part, state: State, detail: impl Into<String>) -> Self {
        Self { part: Some(part), ..Self::new(state, part.title(), detail) }
    }

    fn with_reason(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }

    fn with_children(self, children: Vec<Self>) -> Self {
        Self { children, ..self }
    }

    /// The child of a part.
    fn child(&self, part: Part) -> Option<&Self> {
        self.children.iter().find(|node| node.part == Some(part))
    }

    /// The innermost node of the first broken branch: the root cause.
    fn innermost_broken(&self) -> Option<&Self> {
        let below = self.children.iter().find_map(Self::innermost_broken);
        below.or_else(|| (self.state == State::Broken).then_some(self))
    }
}
