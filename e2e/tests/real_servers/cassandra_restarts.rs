//! Cassandra crashes, restarts, or stops answering: the processor waits for it and loses no row.

use std::time::Duration;

use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::users;

const USERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_resume_after_the_node_is_killed_restarted_and_frozen() {
    let rig = Rig::exclusive().await;
    let pipeline = Pipeline::without_source(&rig, "cassandra_restart").await;
    pipeline.provision().await;
    let mut processor = pipeline.process();
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS / 2, 2)).await;
    poll_until("the processor writes rows", Duration::from_secs(60), async || {
        let status = processor.status().await?;
        if status["processor"]["written"].as_u64() >= Some(500) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;

    rig.kill(Server::Cassandra).await;
    poll_until("readiness names the table", Duration::from_secs(30), async || {
        match processor.get("/readyz").await? {
            (503, body) if body.contains("table") => Ok(()),
            (code, body) => Err(format!("{code} {body}")),
        }
    })
    .await;
    rig.start(Server::Cassandra).await;
    pipeline.kafka.append(&pipeline.name, &users::records(USERS / 2, USERS / 2, 2)).await;
    rig.pause(Server::Cassandra).await;
    // sleep-ok: the duration of the freeze
    tokio::time::sleep(Duration::from_secs(6)).await;
    rig.resume(Server::Cassandra).await;

    pipeline.await_processed(Duration::from_secs(300)).await;
    processor.await_ready(Duration::from_secs(30)).await;
    let comparison = pipeline.compare_table(users::parsed_row).await;
    comparison.assert_exact();
    assert_eq!(comparison.rows, USERS);
    assert!(processor.is_running(), "the processor exited while the node was down");
}
