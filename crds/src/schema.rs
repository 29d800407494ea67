//! The structural schema of the resource: what is generated from the types, and the checks and defaults that it implies.

pub mod defaults;
pub mod definition;
#[cfg(feature = "kubernetes")]
mod generated;
pub mod structure;
