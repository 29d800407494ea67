//! The loops between the seams: source to log, and log to table.

pub mod pipeline;
pub mod process;
pub mod produce;
