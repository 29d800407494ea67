//! The worker's process. Everything it does is in the library; see [`userstream_worker::command`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use userstream_worker::command::{Arguments, run};

fn main() -> ExitCode {
    run(&Arguments::parse()).into()
}
