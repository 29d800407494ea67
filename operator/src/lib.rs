//! The operator of `UserStreamPipeline` resources.
//!
//! A reconcile has five phases: observe ([`observed`]), validate ([`userstream_crds::validate()`]), build ([`steps`],
//! [`build`](mod@build)), apply and status. Everything but observing and applying is a pure function of what was observed.
#![forbid(unsafe_code)]

pub mod access;
pub mod arguments;
pub mod autoscaling;
pub mod build;
pub mod claim_index;
pub mod configuration;
pub mod controller;
pub mod discovery;
pub mod drift;
pub mod hash;
pub mod kind;
pub mod names;
pub mod observed;
pub mod one_shot;
pub mod process;
pub mod reports;
pub mod server;
pub mod settings;
pub mod status;
pub mod steps;
pub mod workload;
