//! Values that are parsed from text: each parser either returns the value or an error with the reason.

pub mod byte_size;
pub mod cron;
pub mod duration;
pub mod field_path;
pub mod identifier;
pub mod record_path;
pub mod starting_offsets;
