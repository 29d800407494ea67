//! The readiness of the worker: the components that are not ready, and why.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// A component that the worker needs to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The connection to the log.
    Log,
    /// The membership in the consumer group.
    Group,
    /// The session with the table.
    Table,
    /// The source.
    Source,
}

impl Component {
    /// Its name in responses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Group => "group",
            Self::Table => "table",
            Self::Source => "source",
        }
    }
}

/// The components that are not ready, each with the reason. The worker is ready when there are none.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<Component, String>>);

impl Health {
    /// Marks a component as not ready.
    pub fn set_unready(&self, component: Component, reason: impl Into<String>) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(component, reason.into());
    }

    /// Marks a component as ready.
    pub fn set_ready(&self, component: Component) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&component);
    }

    /// The components that are not ready, with the reasons.
    pub fn unready(&self) -> Vec<(Component, String)> {
        let unready = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        unready.iter().map(|(component, reason)| (*component, reason.clone())).collect()
    }

    /// Whether every component is ready.
    pub fn is_ready(&self) -> bool {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_empty()
    }
}
