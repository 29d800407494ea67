//! Values by number, so that a state is a few numbers.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Values by number; 0 is the first one.
pub(crate) struct Interner<T> {
    all: Vec<Arc<T>>,
    known: HashMap<Arc<T>, u32>,
}

impl<T: Hash + Eq> Interner<T> {
    pub(crate) fn with_first(first: T) -> Self {
        let mut interner = Self { all: Vec::new(), known: HashMap::new() };
        interner.put(first);
        interner
    }

    pub(crate) fn put(&mut self, value: T) -> u32 {
        if let Some(known) = self.known.get(&value) {
            return *known;
        }
        let number = u32::try_from(self.all.len()).unwrap();
        let value = Arc::new(value);
        self.all.push(value.clone());
        self.known.insert(value, number);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Arc<T> {
        self.all[number as usize].clone()
    }

    pub(crate) fn all(&self) -> &[Arc<T>] {
        &self.all
    }
}
