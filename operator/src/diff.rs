//! From the desired objects and the observed ones to the writes between the two.

pub mod expectations;
pub mod last_applied;
pub mod object_write;
