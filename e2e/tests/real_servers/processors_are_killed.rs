//! A processor that is killed at any moment loses, duplicates and tears no row.

use std::time::Duration;

use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;
use userstream_e2e::users;

const PIPELINES: usize = 5;
const KILLS: u64 = 4;
const USERS: usize = 6_000;
const VERSIONS: u64 = 4;
const RECORDS: i64 = USERS as i64 * VERSIONS as i64;

/// Five pipelines in parallel: after each kill a group waits ten seconds for the session timeout of the dead member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_mid_batch_leave_the_exact_fold_of_the_topic() {
    let rig = Rig::shared().await;
    let pipelines = (0..PIPELINES).map(|number| with_records(&rig, number));
    let pipelines = futures::future::join_all(pipelines).await;
    // No other work from here on: a late poll would find everything written.
    let killing = pipelines.iter().enumerate().map(|(number, pipeline)| kill_repeatedly(pipeline, number));
    futures::future::join_all(killing).await;
}

async fn with_records(rig: &Rig, number: usize) -> Pipeline {
    let pipeline = Pipeline::without_source(rig, &format!("kill_processor_{number}")).await;
    pipeline.provision().await;
    pipeline.kafka.append(&pipeline.name, &users::records(number * USERS, USERS, VERSIONS)).await;
    pipeline
}

async fn kill_repeatedly(pipeline: &Pipeline, number: usize) {
    for kill in 0..KILLS {
        let processor = pipeline.process();
        // Each kill happens at another offset, while hundreds of rows are in flight.
        let enough = 400 + 173 * kill + 97 * u64::try_from(number).expect("pipelines are few");
        poll_until("the processor writes rows", Duration::from_secs(60), async || {
            let status = processor.status().await?;
            match status["processor"]["written"].as_u64() {
                Some(written) if written >= enough => Ok(()),
                _ => Err(status.to_string()),
            }
        })
        .await;
        processor.kill().await;
        let committed: i64 = pipeline
            .kafka
            .committed(&pipeline.name, &pipeline.name)
            .await
            .expect("the broker is up")
            .values()
            .sum();
        assert!(committed < RECORDS, "kill {kill} came after everything was committed");
    }

    let _processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(300)).await;
    let comparison = pipeline.compare_table(users::parsed_row).await;
    comparison.assert_exact();
    assert_eq!(comparison.rows, USERS);
    assert_eq!(pipeline.kafka.count(&pipeline.dead_letter_topic()).await, 0);
}
