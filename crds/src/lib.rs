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

pub mod diagnostics;
pub mod expression;
pub mod model;
mod resource;
pub mod rules;
mod scalar;
mod schema;
pub mod validate;
mod worker;

pub use model::claims;
pub use resource::{
    autoscaling, delivery, kafka, kubernetes, observability, pipeline, processor, record_schema, replay,
    secret, sink, source, template,
};
#[cfg(feature = "kubernetes")]
pub use resource::{condition, names, status};
pub use scalar::{byte_size, cron, duration, field_path, identifier, record_path as path, starting_offsets};
pub use schema::{defaults, definition, structure};
#[cfg(feature = "kubernetes")]
pub use worker::pod as worker_pod;
pub use worker::{config as worker_config, provision_report, status as worker_status};

/// The CEL engine that checks and evaluates `expr` and `filter`. Take it from here, so that there is one in the tree.
pub use kube_cel::{KubeCelExt, cel};

pub use model::Pipeline;
pub use resource::pipeline::PipelineSpec;
pub use resource::pipeline::UserStreamPipeline;
pub use validate::{Violation, validate, validate_update};
pub use worker::config::WorkerConfig;
