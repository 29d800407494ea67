//! Records as JSON objects.

mod encode;

pub use encode::JsonEncoder;
