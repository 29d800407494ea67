//! `usp`: runs, checks and looks into `UserStreamPipeline`s.
#![forbid(unsafe_code)]

mod arguments;
mod command;
mod exit;
mod explain;
mod local;
mod logging;
mod place;
mod plan;
mod resource;
mod tail;
mod terminal;
mod validate;
mod view;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

fn main() -> ExitCode {
    let started = Instant::now();
    command::run(&arguments::Arguments::parse(), started).into()
}
