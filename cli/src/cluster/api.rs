//! Requests to the API server, and what their failures mean.

pub(crate) mod connection;
pub(crate) mod error;
pub(crate) mod observe;
mod pipelines;
