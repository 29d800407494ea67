//! The `UserStreamPipeline` resource: its types, defaults, rules, generated schemas and diagnostics, and
//! [`WorkerConfig`], the contract between the operator and the worker.
//!
//! Two layers, and one way from the first to the second:
//!
//! - the **spec types** ([`PipelineSpec`] and what it holds) are what people write: everything optional has its
//!   default, nothing is checked but the shape;
//! - the **model** ([`model::Pipeline`]) is what the rest of the project works with: names are newtypes, references are
//!   indexes, choices are enums, and a value of it exists only for a resource that breaks no rule.
//!
//! With the feature `kubernetes` the types of Kubernetes' own are those of its libraries and the files that the types generate
//! can be generated; without it ([`kubernetes`]) both are left out, and so are the minutes that they take to compile.
//!
//! [`validate::validate`] leads from one to the other. It is pure and reports every broken rule, not only the first.

#![forbid(unsafe_code)]

pub mod claims;
#[cfg(feature = "kubernetes")]
pub mod condition;
pub mod cron;
mod cross_rules;
pub mod defaults;
pub mod definition;
pub mod delivery;
pub mod diagnostics;
pub mod duration;
pub mod expression;
pub mod field_path;
pub mod identifier;
pub mod kafka;
pub mod kubernetes;
pub mod model;
#[cfg(feature = "kubernetes")]
pub mod names;
pub mod operation;
pub mod path;
pub mod pipeline;
pub mod processor;
pub mod provision_report;
pub mod quantity;
pub mod record_schema;
pub mod rules;
pub mod secret;
pub mod sink;
pub mod source;
pub mod starting_offsets;
#[cfg(feature = "kubernetes")]
pub mod status;
pub mod structure;
pub mod validate;
pub mod worker_config;
#[cfg(feature = "kubernetes")]
pub mod worker_pod;
pub mod worker_status;

/// The CEL engine that checks and evaluates `expr` and `filter`. Take it from here, so that there is one in the tree.
pub use kube_cel::{KubeCelExt, cel};

pub use kubernetes::UserStreamPipeline;
pub use model::Pipeline;
pub use pipeline::PipelineSpec;
pub use validate::{Violation, validate, validate_update};
pub use worker_config::WorkerConfig;
