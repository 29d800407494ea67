//! Instructions per record, which do not depend on the load of the machine. Valgrind counts those of all threads, for a topic
//! and for one of twice as many records. In the difference, start-up and shutdown cancel out.

use std::path::Path;

use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;
use userstream_e2e::worker::Worker;

use crate::plain_loop;
use crate::setup::{TIMEOUT, await_read, begin, number, print_conditions, provisioned};

/// The command-line argument that selects this measurement.
pub(crate) const COMMAND: &str = "instructions";

const TOOL: [&str; 4] =
    ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
/// The name of the worker's log.
const LOG: &str = "counted";

/// Counts, and prints the figures.
pub(crate) async fn count() {
    let records = number("BENCH_RECORDS", 20_000);
    let rig = Rig::exclusive().await;
    let mut pipeline = provisioned(&rig, records).await;
    print_conditions();
    let mut counts = Vec::new();
    for pass in 1..=2 {
        let code = pipeline.start_with("producer", "produce", &["--once"]).exit(TIMEOUT).await;
        assert_eq!(code, 0, "worker produce failed");
        let group = begin(&mut pipeline, &format!("counted_{pass}")).await;
        let worker = pipeline.start_under(&TOOL, LOG, "process");
        let of_worker = finish(&pipeline, worker, &group, LOG).await;
        let group = begin(&mut pipeline, &format!("counted_plain_{pass}")).await;
        let plain = plain_loop::start(&TOOL, &rig, &pipeline, &group);
        counts.push([of_worker, finish(&pipeline, plain, &group, plain_loop::LOG).await]);
    }
    let records = u64::try_from(records).expect("the count fits");
    let a_record = [0, 1].map(|which| counts[1][which].saturating_sub(counts[0][which]) / records);
    println!("\n| what | instructions a record |\n|---|---|");
    println!("| process | {} |\n| plain loop | {} |", a_record[0], a_record[1]);
}

/// Waits until a group has read the topic, terminates the program, and returns its count of instructions.
async fn finish(pipeline: &Pipeline, mut worker: Worker, group: &str, log: &str) -> u64 {
    await_read(pipeline, &mut worker, group).await;
    worker.terminate();
    worker.exit(TIMEOUT).await;
    last_count(&pipeline.log(log))
}

/// The last `I refs: 1,234` in a log of Valgrind.
fn last_count(log: &Path) -> u64 {
    let text = std::fs::read_to_string(log).expect("there is a log");
    let count = |line: &str| line.split_once("refs:")?.1.replace(',', "").trim().parse().ok();
    text.lines().rev().find_map(count).unwrap_or_else(|| panic!("valgrind counted nothing:\n{text}"))
}
