//! The operator's process. Everything it does is in the library.

use std::process::ExitCode;

use clap::Parser;
use userstream_operator::arguments::Arguments;

fn main() -> ExitCode {
    userstream_operator::process::run(Arguments::parse())
}
