//! From the JSON of a record to typed cells.
//!
//! A [`Mapper`] is compiled once from the fields of a schema. It reads the JSON of a record in one pass, with all paths
//! in one tree, and takes each value as its source text. Nothing is built for the rest, nothing is allocated for a
//! field, and numbers keep every digit. Only expressions cost more: a second pass reads the members that they name.
//!
//! The conversions of JSON values to types are in one table, in `convert.rs`.

mod convert;
mod document;
mod error;
mod evaluation;
mod expressions;
mod filter;
mod json_value;
mod mapper;
mod paths;
mod record_members;
mod refusal;
mod scalar;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod unescape;

pub use error::MappingError;
pub use filter::Filter;
pub use mapper::{MapContext, Mapper};
pub use refusal::{Kind, Refusal};

/// Levels of objects and arrays in a value that an expression uses, at most. Other values are skipped without a limit.
pub const MAX_DEPTH: usize = 100;
