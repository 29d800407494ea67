//! Kafka crashes, restarts, or stops answering: the processor keeps running and loses no row.

use std::time::Duration;

use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::users;

const USERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_resume_after_the_broker_is_killed_restarted_and_frozen() {
    let rig = Rig::exclusive().await;
    let pipeline = Pipeline::without_source(&rig, "kafka_restart").await;
    pipeline.provision().await;
    let mut processor = pipeline.process();

    // The test keeps appending while the broker is down; its producer retries.
    let appending = async {
        for part in 0..10 {
            let records = users::records(part * USERS / 10, USERS / 10, 2);
            pipeline.kafka.append(&pipeline.name, &records).await;
        }
    };
    let disturbing = async {
        for _ in 0..2 {
            rig.kill(Server::Kafka).await;
            rig.start(Server::Kafka).await;
        }
        rig.pause(Server::Kafka).await;
        // sleep-ok: the duration of the freeze
        tokio::time::sleep(Duration::from_secs(5)).await;
        rig.resume(Server::Kafka).await;
    };
    futures::future::join(appending, disturbing).await;

    pipeline.await_processed(Duration::from_secs(300)).await;
    let comparison = pipeline.compare_table(users::parsed_row).await;
    comparison.assert_exact();
    assert_eq!(comparison.rows, USERS);
    assert!(processor.is_running(), "the processor exited while the broker was down");
}
