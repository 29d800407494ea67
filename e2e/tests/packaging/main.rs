//! What ships beside the programs: alerts, the dashboard, the health check of Argo CD, pages about operation, hosted CI.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests report by panicking"
)]

mod alerts;
mod argo_cd;
mod dashboard;
mod hosted_ci;
mod language;
mod layers;
mod migration;
mod operations;
mod queries;
mod repository_files;
