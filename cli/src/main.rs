//! `usp`: runs, checks and looks into `UserStreamPipeline`s.
#![forbid(unsafe_code)]

mod arguments;
mod backend;
#[cfg(feature = "cluster")]
mod cluster;
mod command;
mod exit;
mod explain;
mod local;
mod plan;
mod plugin;
mod resource;
mod tail;
mod terminal;
mod validate;

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let mut typed = std::env::args_os();
    let name = plugin::Name::of(typed.next().as_deref());
    if name == plugin::Name::KubectlComplete {
        return plugin::complete(typed);
    }
    command::run(&name.parse(), started).into()
}
