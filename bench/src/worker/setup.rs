//! The measured pipeline: provisioning, consumer groups, and the conditions to print.

use std::time::Duration;

use serde_json::json;
use userstream_bench::{FIELDS, machine};
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;
use userstream_e2e::worker::Worker;

/// How long any one phase may take before the benchmark gives up.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(600);

/// Prints the machine and the servers of the measurement.
pub(crate) fn print_conditions() {
    let servers = "Kafka 4.3.0 and Cassandra 5.0.8";
    println!("{}", machine::conditions(&userstream_e2e::worker::binary(), servers));
}

/// A provisioned pipeline. Each run of its producer appends so many users.
pub(crate) async fn provisioned(rig: &Rig, records: usize) -> Pipeline {
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

/// A number from an environment variable.
pub(crate) fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Truncates the table, and configures a new consumer group.
pub(crate) async fn begin(pipeline: &mut Pipeline, suffix: &str) -> String {
    let group = format!("{}_{suffix}", pipeline.name);
    pipeline.spec["processor"]["consumerGroup"] = json!(group);
    pipeline.cassandra.execute(&format!("TRUNCATE {}.users", pipeline.name)).await;
    group
}

/// Waits until a group has committed the whole topic. The program must not exit before.
pub(crate) async fn await_read(pipeline: &Pipeline, worker: &mut Worker, group: &str) {
    tokio::select! {
        code = worker.exit(TIMEOUT) => panic!("{} exited with {code}", worker.name),
        () = pipeline.kafka.await_committed(group, &pipeline.name, TIMEOUT) => {}
    }
}
