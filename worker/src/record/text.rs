//! The text forms of values: read exactly or refused, written canonically.
//!
//! What [`write`](timestamp::write) and its like write, `read` of the same module gives back unchanged.

pub(crate) mod base64;
pub(crate) mod date;
pub(crate) mod decimal;
mod digits;
pub(crate) mod timestamp;
pub(crate) mod uuid;
