//! The resource in files and clusters: examples, generated files, defaults, rules and diagnostics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_resources;
mod broken_in_code;
mod cases;
mod changes;
mod defaults;
mod examples;
mod fields;
mod fixtures;
mod generated_files;
mod good_resources;
mod reference;
mod repeated_tokens;
mod rules_in_cel;
mod schedules;
