//! The informers: what the watches show, kept by pipeline.

pub(crate) mod compressed;
pub(crate) mod indexer;
pub(crate) mod store;
pub(crate) mod stored_pipeline;
pub mod transform;
pub(crate) mod watches;
