//! What the operator misses to do its work, for `/readyz`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::memory::lock;

/// What is missing, by part. Empty when nothing is.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<String, String>>);

impl Health {
    /// Something is missing.
    pub fn missing(&self, part: &str, why: impl Into<String>) {
        lock(&self.0).insert(part.to_owned(), why.into());
    }

    /// It is there (again).
    pub fn present(&self, part: &str) {
        lock(&self.0).remove(part);
    }

    /// Whether nothing is missing among the parts with this beginning.
    pub(super) fn has_all(&self, beginning: &str) -> bool {
        !lock(&self.0).keys().any(|part| part.starts_with(beginning))
    }

    /// Everything that is missing, a line each.
    #[must_use]
    pub fn report(&self) -> Vec<String> {
        lock(&self.0).iter().map(|(part, why)| format!("{part}: {why}")).collect()
    }
}
