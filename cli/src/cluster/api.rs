//! Requests to the API server, and their errors.

pub(crate) mod connection;
pub(crate) mod error;
pub(crate) mod observe;
mod pipelines;
