//! The structural schema of the resource: generated from the types, and used for validation and defaults.

pub mod defaults;
pub mod definition;
#[cfg(feature = "kubernetes")]
mod generated;
pub(crate) mod nesting;
pub mod validation;
