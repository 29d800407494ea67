//! CPU, memory and throughput of the worker, alternating with the plain loop.

use std::time::{Duration, Instant};

use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;

use crate::costs::{Costs, Usage};
use crate::plain_loop;
use crate::setup::{TIMEOUT, await_read, begin, number, print_conditions, provisioned};

/// How often the time to the first row is measured.
const STARTS: usize = 5;

/// Measures, and prints the figures.
pub(crate) async fn measure() {
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
