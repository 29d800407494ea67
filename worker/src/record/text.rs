//! The text forms of values: parsed strictly, written canonically.
//!
//! In each module, `read` returns exactly the value that `write` wrote, as [`timestamp::write`].

pub(crate) mod base64;
pub(crate) mod date;
pub(crate) mod decimal;
mod digits;
pub(crate) mod timestamp;
pub(crate) mod uuid;
