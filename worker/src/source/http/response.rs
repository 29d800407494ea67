//! From a response to the records in it: the decompressed body, and where its records are.

pub(crate) mod body;
pub(crate) mod split;
