//! Which pipelines wait for a reconcile, and why.

pub(crate) mod pace;
pub(crate) mod workqueue;
