//! Values with a spelling of their own: each is read from a text, or refused with a reason.

pub mod byte_size;
pub mod cron;
pub mod duration;
pub mod field_path;
pub mod identifier;
pub mod record_path;
pub mod starting_offsets;
