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

use std::time::{Duration, Instant};

use costs::{Costs, Usage};
use serde_json::json;
use userstream_bench::{FIELDS, machine};
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::worker::Worker;

/// How long any one phase may take before the benchmark gives up.
const TIMEOUT: Duration = Duration::from_secs(600);
const STARTS: usize = 5;

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
        [] => runtime.block_on(measure()),
        [command] if command == instructions::COMMAND => runtime.block_on(instructions::count()),
        _ => panic!("no arguments, or {}", instructions::COMMAND),
    }
}

async fn measure() {
    let records = number("BENCH_RECORDS", 1_000_000);
    let passes = number("BENCH_PASSES", 2);
    let rig = Rig::exclusive().await;
    let mut pipeline = provisioned(&rig, records).await;
    print_conditions();
    println!(
        "\n| what | seconds | records/s | worker CPU-s/M | peak MiB | Cassandra CPU-s/M | Kafka CPU-s/M | other CPU-s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    produce(&rig, &pipeline, records).await;
    let mut ratios = Vec::new();
    for pass in 0..=passes {
        let of_pass = if pass == 0 { "warm-up".to_owned() } else { format!("pass {pass}") };
        let worker = process(&rig, &mut pipeline, pass, records).await;
        println!("{}", worker.line(&format!("process, {of_pass}"), records));
        if pass > 0 {
            let plain = plain(&rig, &mut pipeline, pass, records).await;
            println!("{}", plain.line(&format!("plain loop, {of_pass}"), records));
            ratios.push(worker.worker / plain.worker);
        }
    }
    println!("\nworker to plain loop, CPU of the process: {ratios:.2?}");
    let mut starts = Vec::new();
    for start in 0..STARTS {
        starts.push(first_row(&mut pipeline, start).await);
    }
    starts.sort();
    println!("\nexec to first row: median {:?} of {starts:?}", starts[STARTS / 2]);
}

fn print_conditions() {
    let servers = "Kafka 4.3.0 and Cassandra 5.0.8";
    println!("{}", machine::conditions(&userstream_e2e::worker::binary(), servers));
}

/// A provisioned pipeline. Each run of its producer appends so many users.
async fn provisioned(rig: &Rig, records: usize) -> Pipeline {
    let mut pipeline = Pipeline::without_source(rig, "bench").await;
    pipeline.spec["schema"]["fields"] = FIELDS
        .iter()
        .map(|(name, kind, from)| {
            let required = ["id", "fetched_at"].contains(name);
            json!({"name": name, "type": kind, "from": from, "required": required})
        })
        .collect();
    pipeline.spec["source"] = json!({
        "mode": "Scheduled",
        "schedule": {"cron": "@yearly"},
        "generator": {"recordsPerInterval": records},
    });
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.spec["sink"]["cassandra"]["consistency"] = json!("LOCAL_ONE");
    pipeline.provision().await;
    pipeline
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Fills the topic.
async fn produce(rig: &Rig, pipeline: &Pipeline, records: usize) {
    let before = Usage::now(rig);
    let worker = pipeline.start_with("producer", "produce", &["--once"]);
    let end = i64::try_from(records).expect("the count fits");
    poll_until("the topic is full", TIMEOUT, async || match pipeline.kafka.count(&pipeline.name).await {
        count if count >= end => Ok(()),
        count => Err(format!("{count} records")),
    })
    .await;
    let costs = Costs::since(&before, rig, &worker);
    println!("{}", costs.line("produce", records));
    drop(worker);
}

/// One pass of the worker over the whole topic into an empty table, in a new consumer group.
async fn process(rig: &Rig, pipeline: &mut Pipeline, pass: usize, records: usize) -> Costs {
    let group = begin(pipeline, &format!("pass_{pass}")).await;
    let before = Usage::now(rig);
    let worker = pipeline.process();
    let wanted = u64::try_from(records).expect("the count fits");
    poll_until("every row is acknowledged", TIMEOUT, async || {
        let status = worker.status().await?;
        if status["processor"]["written"].as_u64() >= Some(wanted) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let wall = before.at.elapsed();
    pipeline.kafka.await_committed(&group, &pipeline.name, TIMEOUT).await;
    let costs = Costs::since(&before, rig, &worker).within(wall);
    let rows = pipeline.cassandra.query(&format!("SELECT id FROM {}.users", pipeline.name)).await.len();
    assert_eq!(rows, records, "the table does not hold every record");
    costs
}

/// One pass of the plain loop.
async fn plain(rig: &Rig, pipeline: &mut Pipeline, pass: usize, records: usize) -> Costs {
    let group = begin(pipeline, &format!("plain_{pass}")).await;
    let before = Usage::now(rig);
    let mut worker = plain_loop::start(&[], rig, pipeline, &group);
    await_read(pipeline, &mut worker, &group).await;
    let costs = Costs::since(&before, rig, &worker);
    worker.kill().await;
    let rows = pipeline.cassandra.query(&format!("SELECT id FROM {}.users", pipeline.name)).await.len();
    assert_eq!(rows, records, "the table does not hold every record");
    costs
}

/// Waits until a group has committed the whole topic. The program must not exit before.
async fn await_read(pipeline: &Pipeline, worker: &mut Worker, group: &str) {
    tokio::select! {
        code = worker.exit(TIMEOUT) => panic!("{} exited with {code}", worker.name),
        () = pipeline.kafka.await_committed(group, &pipeline.name, TIMEOUT) => {}
    }
}

/// From exec until a reader of the table sees a row.
async fn first_row(pipeline: &mut Pipeline, start: usize) -> Duration {
    begin(pipeline, &format!("start_{start}")).await;
    let query = format!("SELECT id FROM {}.users LIMIT 1", pipeline.name);
    let worker = pipeline.process();
    let started = worker.started;
    let deadline = started + Duration::from_secs(60);
    while pipeline.cassandra.query(&query).await.is_empty() {
        assert!(Instant::now() < deadline, "no row within a minute");
    }
    let took = started.elapsed();
    worker.kill().await;
    took
}

/// Truncates the table, and configures a new consumer group.
async fn begin(pipeline: &mut Pipeline, suffix: &str) -> String {
    let group = format!("{}_{suffix}", pipeline.name);
    pipeline.spec["processor"]["consumerGroup"] = json!(group);
    pipeline.cassandra.execute(&format!("TRUNCATE {}.users", pipeline.name)).await;
    group
}

/// The servers whose CPU is reported separately.
const SERVERS: [Server; 2] = [Server::Cassandra, Server::Kafka];
