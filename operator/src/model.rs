//! The vocabulary of every other layer: kinds, names, settings, and the objects of a pipeline as the operator observes them.

pub mod configuration;
pub mod cron_job_history;
pub mod hash;
pub mod job_state;
pub mod kind;
pub mod names;
pub mod observed;
pub mod owned;
pub mod pipeline_key;
pub mod settings;
pub(crate) mod text;
pub mod worker_reports;
pub mod workload;
