//! The operator of `UserStreamPipeline` resources.
//!
//! A reconcile has five phases: observe ([`model::observed`]), validate ([`userstream_crds::validate()`]), build
//! ([`lifecycle`], [`manifest`]), apply ([`diff`]) and status. What is done, and in which order, is one pure function
//! of what was observed ([`plan`]); [`runtime`] only reads and writes.
#![forbid(unsafe_code)]

pub mod diff;
pub mod lifecycle;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod process;
pub mod rbac;
pub mod runtime;
pub mod status;
