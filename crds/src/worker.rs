//! The contract between the worker and the programs that run and observe it.

pub mod config;
#[cfg(feature = "kubernetes")]
pub mod pod;
pub mod provision_report;
pub mod status;
