//! The rig: real servers, the worker as a process, a scripted source, and an oracle that knows what a table must hold.
//!
//! Nothing here looks into the worker. It is given a configuration file, signals and time; it is judged by what the
//! topic, the table, its log and its exit code say, which are read through clients of their own.
//!
//! The functions here are for tests, and report what goes wrong by panicking with what a reader needs to see.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's output is how this crate reports"
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
