//! Appends carry a producer id and sequence numbers, by which brokers recognise what they have appended already.

use std::time::Duration;

use serde_json::json;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;

/// Brokers list the producers of a partition that use sequence numbers, and no others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_know_the_sequence_of_every_append() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "idempotent").await;
    pipeline.spec["kafka"]["topic"]["partitions"] = json!(1);
    pipeline.spec["source"] = json!({
        "mode": "Continuous", "generator": {"recordsPerInterval": 100, "interval": "1h"},
    });
    pipeline.provision().await;
    let mut producer = pipeline.start_with("producer", "produce", &["--once"]);
    assert_eq!(producer.exit(Duration::from_secs(60)).await, 0);
    for topic in [&pipeline.name, &format!("{}.positions", pipeline.name)] {
        assert!(pipeline.kafka.count(topic).await > 0, "{topic}");
        let listed = rig
            .kafka_tool(&["TransactionsCommand", "describe-producers", "--topic", topic, "--partition", "0"])
            .await;
        let producers = listed.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
        assert_eq!(producers.count(), 1, "{topic}:\n{listed}");
    }
}
