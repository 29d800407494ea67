//! What `usp` does with a cluster: looks at pipelines there, runs, stops and continues them.
//!
//! The API server is asked, what it answers is put into values, and everything that is said of them is computed by pure
//! functions: the tree of `status`, the table of `get`, the differences of `plan`, the findings of `check`.

pub(crate) mod age;
pub(crate) mod api;
pub(crate) mod apply;
pub(crate) mod difference;
pub(crate) mod findings;
mod hint;
mod installation;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod tree;

pub(crate) use api::error::ClusterError;
