//! With `managementPolicy: Observe`, the partitions count that the topic has, not those that the spec declares.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::{Rig, RigGuard};
use userstream_e2e::users;
use userstream_e2e::worker::Worker;

const USERS: usize = 300;

/// A pipeline that declares four partitions and observes a topic of another number.
async fn observing(rig: &RigGuard, test: &str, partitions: i32) -> Pipeline {
    let mut pipeline = Pipeline::without_source(rig, test).await;
    pipeline.spec["kafka"]["topic"]["managementPolicy"] = json!("Observe");
    pipeline.kafka.create_topic(&pipeline.name, partitions).await;
    pipeline.provision().await;
    pipeline
}

/// Waits until the processor reports so many partitions, all of them assigned to it, and no lag.
async fn await_caught_up(processor: &Worker, partitions: usize) -> Value {
    poll_until("the processor reports no lag", Duration::from_secs(60), async || {
        let status = processor.status().await?;
        let of = &status["processor"];
        let assigned = of["partitions"].as_array().map(Vec::len);
        let is_complete =
            of["topicPartitions"] == partitions && assigned == Some(partitions) && of["lag"] == 0;
        if is_complete { Ok(status) } else { Err(status.to_string()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_is_known_for_fewer_and_for_more_partitions() {
    let rig = Rig::shared().await;
    for partitions in [2, 6] {
        let pipeline = observing(&rig, &format!("observe_{partitions}"), partitions).await;
        pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
        let processor = pipeline.process();
        let partitions = usize::try_from(partitions).expect("it is positive");
        let status = await_caught_up(&processor, partitions).await;
        assert_eq!(status["processor"]["written"], USERS, "{status}");
        pipeline.compare_table(users::parsed_row).await.assert_exact();
        assert_eq!(
            pipeline.kafka.watermarks(&pipeline.name).await.len(),
            partitions,
            "the topic is as it was"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn added_partitions_are_read_while_the_processor_runs() {
    let rig = Rig::shared().await;
    let pipeline = observing(&rig, "observe_grows", 2).await;
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let processor = pipeline.process();
    await_caught_up(&processor, 2).await;
    rig.kafka_tool(&["TopicCommand", "--alter", "--topic", &pipeline.name, "--partitions", "5"]).await;
    await_caught_up(&processor, 5).await;
    pipeline.kafka.append(&pipeline.name, &users::records(USERS, USERS, 1)).await;
    pipeline.await_processed(Duration::from_secs(60)).await;
    assert_eq!(pipeline.rows().await.len(), 2 * USERS);
}

/// Divided by the four declared partitions, the only one would be read at a quarter of the cap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_cap_is_divided_by_the_partitions_of_the_topic() {
    let rig = Rig::shared().await;
    let mut pipeline = observing(&rig, "observe_cap", 1).await;
    pipeline.spec["processor"]["maxRecordsPerSecond"] = json!(50);
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let processor = pipeline.process();
    let read = async || -> Result<u64, String> {
        Ok(processor.status().await?["processor"]["read"].as_u64().unwrap_or_default())
    };
    let at_least = async |records: u64| {
        poll_until("the processor reads", Duration::from_secs(60), async || match read().await? {
            read if read >= records => Ok(read),
            read => Err(format!("{read} records")),
        })
        .await
    };
    let first = at_least(50).await;
    let started = Instant::now();
    let last = at_least(250).await;
    let rate = (last - first) as f64 / started.elapsed().as_secs_f64();
    assert!((30.0..60.0).contains(&rate), "{rate} records a second");
}
