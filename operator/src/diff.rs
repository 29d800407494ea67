//! From the desired objects and the owned ones to the writes between the two, and which of those writes the stores do
//! not show yet. Pure; imports [`model`](crate::model) and [`manifest`](crate::manifest).

pub mod expectations;
pub mod last_applied;
pub mod object_write;
