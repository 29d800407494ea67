//! The operator of `UserStreamPipeline` resources.
//!
//! A reconcile has five phases:
//!
//! 1. **Observe**: read the pipeline's objects from the stores of the watches ([`model::observed`]).
//! 2. **Validate**: turn the spec into a pipeline that breaks no rule ([`userstream_crds::validate()`]).
//! 3. **Plan**: decide what is due, and which writes that takes ([`plan`]).
//! 4. **Apply**: create, apply and delete objects ([`runtime`]).
//! 5. **Status**: turn the outcome into conditions, and write them when they differ ([`status`]).
//!
//! The modules are layers, the lowest first. Each imports only layers above it in this table; all but the last two are
//! pure.
//!
//! | module | contains |
//! |---|---|
//! | [`rbac`] | the rules of the chart's roles, and why each is needed |
//! | [`model`] | the vocabulary: kinds, names, settings, observed objects |
//! | [`lifecycle`] | what is due next: rollout, autoscaling, cleanup |
//! | [`manifest`] | the desired objects |
//! | [`diff`] | the writes from the owned objects to the desired ones |
//! | [`status`] | conditions, and when a changed status is written |
//! | [`plan`] | one pure function from the observed objects to the writes, and the status after them |
//! | [`runtime`] | watches, workqueue, writes, scrapes, leader election |
//! | [`process`] | arguments, signals, logs |
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
