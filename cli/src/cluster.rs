//! Pipelines in a cluster.
//!
//! `api` sends requests to the API server. Everything else is pure: the snapshot of a pipeline, its tree and root cause, the
//! differences of an apply, the findings about a cluster.

pub(crate) mod age;
pub(crate) mod api;
pub(crate) mod apply;
pub(crate) mod apply_plan;
pub(crate) mod difference;
pub(crate) mod findings;
mod hint;
mod installation;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod tree;

pub(crate) use api::error::ClusterError;
