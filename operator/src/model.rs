//! The vocabulary of every layer above: kinds, names, settings, a pipeline's objects as the stores show them, and what
//! a reconcile is decided from. Pure; imports nothing from this crate.

pub mod configuration;
pub mod conflict;
pub mod cron_job_history;
pub mod hash;
pub mod input;
pub mod job_state;
pub mod kind;
pub mod names;
pub mod observed;
pub mod owned;
pub mod pipeline_key;
pub mod settings;
pub mod strimzi;
pub(crate) mod text;
pub mod worker_reports;
pub mod workload;
