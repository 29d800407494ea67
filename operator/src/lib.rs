//! The operator of `UserStreamPipeline` resources.
//!
//! A reconcile has five phases: observe ([`observed`]), validate ([`userstream_crds::validate()`]), build ([`steps`],
//! [`build`](mod@build)), apply ([`writes`]) and status. What is done, and in which order, is one pure function of what was
//! observed ([`decision`]); [`controller`] only reads and writes.
#![forbid(unsafe_code)]

pub mod access;
pub mod arguments;
pub mod autoscaling;
pub mod build;
pub mod check;
pub mod claim_index;
pub mod configuration;
pub mod controller;
pub mod decision;
pub mod discovery;
pub mod drift;
pub mod expectations;
pub mod hash;
pub mod kind;
pub mod lease;
mod log;
#[cfg(test)]
mod made_up_api;
pub mod names;
pub mod observed;
pub mod one_shot;
pub mod owned;
pub mod pipeline_key;
pub mod process;
pub mod reports;
pub mod schedule_runs;
pub mod server;
pub mod settings;
pub mod slim;
pub mod status;
pub mod steps;
mod text;
pub mod workload;
pub mod writes;
