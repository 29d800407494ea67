//! The operator's process. Everything it does is in the library.

use std::process::ExitCode;

use clap::Parser;
use userstream_operator::process::arguments::Arguments;
use userstream_operator::process::check;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.nth(1).is_some_and(|word| word == "check") {
        let name = std::iter::once("operator check".into());
        return check::run(&check::Arguments::parse_from(name.chain(words)));
    }
    userstream_operator::process::run(Arguments::parse())
}
