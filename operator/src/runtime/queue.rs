//! The pipelines that wait for a reconcile, and why they do.

pub(crate) mod trigger;
pub(crate) mod workqueue;
