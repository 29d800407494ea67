//! Locks.

use std::sync::{Mutex, MutexGuard};

/// Locks a mutex. Ignores poisoning: no critical section of this crate leaves a value half-updated.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
