//! Records as JSON objects.

mod decode;
mod encode;

pub use decode::JsonDecoder;
pub use encode::JsonEncoder;
