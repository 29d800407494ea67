//! What is seen of a running pipeline: a picture that is drawn again and again on a terminal, plain lines elsewhere.

mod frame;
mod numbers;
mod rate;
mod screen;
mod text;

pub(crate) use frame::{Picture, Title, frame};
pub(crate) use numbers::{Numbers, progress_line};
pub(crate) use rate::Rate;
pub(crate) use screen::{LogLines, Screen};
pub(crate) use text::{clock, columns as text_columns, count, fit, left, per_second, short_duration};
