//! What is missing for the worker to do its work, as `/readyz` tells it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A part of the worker that can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The connection to the log.
    Log,
    /// The consumer's place in its group.
    Group,
    /// The session with the table.
    Table,
    /// The source.
    Source,
}

impl Part {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Group => "group",
            Self::Table => "table",
            Self::Source => "source",
        }
    }
}

/// The parts that are missing, each with the reason. Shared; ready when there are none.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<Part, String>>);

impl Health {
    /// The part is missing.
    pub fn missing(&self, part: Part, reason: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(part, reason.into());
    }

    /// The part is there.
    pub fn present(&self, part: Part) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&part);
    }

    /// What is missing now, and why.
    pub fn all_missing(&self) -> Vec<(Part, String)> {
        let missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        missing.iter().map(|(part, reason)| (*part, reason.clone())).collect()
    }

    /// Whether nothing is missing.
    pub fn is_ready(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
