//! The worker's process. Everything it does is in the library; see [`userstream_worker::command`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use userstream_worker::command::{Arguments, run};

/// The future of a write is larger than what the system's allocator keeps at hand, and is allocated for each request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(&Arguments::parse()).into()
}
