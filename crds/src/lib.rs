//! The `UserStreamPipeline` resource: its types, defaults, rules, generated schemas and diagnostics, and
//! [`WorkerConfig`], the contract between the operator and the worker.
//!
//! Layers, the lowest first:
//!
//! - `scalar`: values that are parsed from text, such as durations, cron expressions and names. [`rules`]: the texts of
//!   the rules. [`expression`]: CEL.
//! - `resource`: the **spec types** ([`PipelineSpec`] and its sections), which users write, and the status. Everything
//!   optional has its default; only the schema is checked.
//! - [`model`]: the validated [`model::Pipeline`], which the rest of the project works with. Names are newtypes,
//!   references are indexes, alternatives are enums, and a value exists only for a resource that breaks no rule.
//! - `schema`: the CRD and the other files that are generated from the types, and validation against the schema.
//! - [`validate`](mod@validate): from the spec to the model, or to all violations. Pure.
//! - [`diagnostics`]: from a YAML file to pipelines, or to problems with line and column.
//! - `worker`: the contract between the worker and the programs that run it.
//! - `condition`: the types and reasons of conditions.
//!
//! The feature `kubernetes` adds Kubernetes' types, the generator and the status. Without it ([`kubernetes`]) the crate
//! compiles in a fraction of the time.

#![forbid(unsafe_code)]

#[cfg(feature = "kubernetes")]
pub mod condition;
pub mod diagnostics;
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
pub use resource::{names, status};
pub use scalar::{byte_size, cron, duration, field_path, identifier, record_path, starting_offsets};
pub use schema::{defaults, definition, validation as schema_validation};
pub use userstream_expression as expression;
#[cfg(feature = "kubernetes")]
pub use worker::pod as worker_pod;
pub use worker::{config as worker_config, provision_report, status as worker_status};

pub use model::Pipeline;
pub use resource::pipeline::PipelineSpec;
pub use resource::pipeline::UserStreamPipeline;
pub use validate::{Violation, validate, validate_update};
pub use worker::config::WorkerConfig;
