//! `usp`: runs, validates and inspects `UserStreamPipeline`s.
#![forbid(unsafe_code)]

mod arguments;
mod backend;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
mod exit;
mod local;
mod resource;
mod terminal;

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let mut typed = std::env::args_os();
    let name = arguments::ProgramName::of(typed.next().as_deref());
    if name == arguments::ProgramName::KubectlComplete {
        return commands::complete(typed);
    }
    commands::run(&name.parse(), started).into()
}
