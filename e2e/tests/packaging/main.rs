//! What ships beside the programs: alerts, the dashboard, the health for Argo CD, the pages about operation, hosted CI.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's output is how it reports"
)]

mod alerts;
mod argo_cd;
mod dashboard;
mod hosted_ci;
mod migration;
mod operations;
mod queries;
