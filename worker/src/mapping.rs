//! From the bytes of a record to typed cells.
//!
//! A [`Mapper`] is compiled once from the fields of a schema. It goes over the JSON of a record once, with all paths in
//! one tree, and takes what it wants as the text that stands in the record: nothing is built for the rest, nothing is
//! allocated for a field, and numbers lose nothing. Only fields with an expression cost more: a second pass makes CEL
//! values of the parts of the record that the expressions name.
//!
//! Which JSON values become which types is written in one place, the table in `convert.rs`.

mod cel_values;
mod convert;
mod document;
mod error;
mod evaluation;
mod expressions;
mod filter;
mod mapper;
mod paths;
mod references;
mod refusal;
mod scalar;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod unescape;

pub use error::MappingError;
pub use evaluation::EvaluationError;
pub use filter::{Filter, FilterError};
pub use mapper::{MapContext, Mapper};
pub use refusal::{Kind, Refusal};

/// How many levels of objects and arrays there may be in a value that an expression uses. Other values are not built,
/// and may be nested as deeply as they are.
pub const MAX_DEPTH: usize = 100;
