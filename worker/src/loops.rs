//! The loops between the seams: source to log, and log to table.

mod dead_letters;
pub mod pipeline;
pub mod process;
pub mod produce;
