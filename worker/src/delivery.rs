//! Delivery guarantees as pure functions: which offsets may be committed, which time a row is written with, what a record
//! that cannot be delivered becomes.

pub mod adaptive_concurrency;
pub mod dead_letter;
pub(crate) mod monotonic_timestamps;
pub mod retry;
pub mod tracker;
pub mod write_time;
