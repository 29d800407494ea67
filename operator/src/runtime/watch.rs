//! The informers: watches of every kind, and the stores that they keep up to date.

pub(crate) mod compressed;
pub(crate) mod endpoint;
pub(crate) mod indexer;
pub(crate) mod store;
pub(crate) mod stored_pipeline;
pub mod transform;
pub(crate) mod watches;
