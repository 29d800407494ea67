//! The resource as users write it: the types of `spec` and `status`, with defaults and with the rules that CEL can
//! express.

pub mod autoscaling;
pub(crate) mod cross_rules;
pub mod delivery;
pub mod kafka;
pub mod kubernetes;
#[cfg(feature = "kubernetes")]
pub mod names;
pub mod observability;
pub mod pipeline;
pub mod processor;
pub mod record_schema;
pub mod replay;
pub mod secret;
pub mod sink;
pub mod source;
#[cfg(feature = "kubernetes")]
pub mod status;
pub mod template;
