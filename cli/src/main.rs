//! `usp`.
fn main() {}
