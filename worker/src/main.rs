//! The worker's process. See [`userstream_worker::command`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use userstream_worker::command::{Arguments, run};

/// Each request allocates the future of its write, which is too large for the thread cache of the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(&Arguments::parse()).into()
}
