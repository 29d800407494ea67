//! The rules of delivery, as pure functions: which offsets may be committed, how rows are batched, which time a row is
//! written with, and what a record that cannot be processed becomes.

pub mod adaptive_concurrency;
pub mod batcher;
pub mod dead_letter;
pub mod event_id;
pub(crate) mod monotonic_timestamps;
pub mod rate_cap;
pub mod retry;
pub mod tracker;
pub mod truncated_letter;
pub mod write_time;
