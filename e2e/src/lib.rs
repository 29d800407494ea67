//! Test harness: real servers, the worker as a process, a scripted HTTP source, and an oracle for the table's content.
//!
//! The worker is a black box. Its inputs are a configuration file, signals and time. Its outputs are the topic, the table,
//! its log, its endpoints and its exit code. The harness reads topic and table through clients that the worker does not use.
//!
//! These functions are for tests: they report a failure by panicking with what a reader needs to diagnose it.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "this crate reports failures through the output of tests"
)]

pub mod audit_log;
pub mod cluster;
pub mod documented_tables;
#[cfg(feature = "clients")]
pub mod kafka_users;
pub mod names;
pub mod operator;
#[cfg(feature = "clients")]
pub mod oracle;
#[cfg(feature = "clients")]
pub mod pipeline;
pub mod poll_until;
#[cfg(feature = "clients")]
pub mod record;
pub mod rig;
pub mod secrets;
pub mod source;
#[cfg(feature = "clients")]
pub mod table;
#[cfg(feature = "clients")]
pub mod topic;
#[cfg(feature = "clients")]
pub mod users;
pub mod usp;
pub mod worker;
