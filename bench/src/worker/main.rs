//! Measures the worker on the rig: it reads a topic of generated users into a table, alternating with a plain loop that
//! gives no guarantees.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints its measurements, or exits with the reason"
)]

mod costs;
mod instructions;
mod plain_loop;
mod setup;
mod throughput;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, rest @ ..] = arguments.as_slice()
        && command == plain_loop::COMMAND
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime can be built").block_on(plain_loop::run(rest));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    match arguments.as_slice() {
        [] => runtime.block_on(throughput::measure()),
        [command] if command == instructions::COMMAND => runtime.block_on(instructions::count()),
        _ => panic!("no arguments, or {}", instructions::COMMAND),
    }
}
