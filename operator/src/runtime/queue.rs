//! The pipelines that wait for a reconcile, and why they do.

mod fair_queue;
pub(crate) mod trigger;
pub(crate) mod workqueue;
