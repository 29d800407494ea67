//! SIGTERM drains a processor within ten seconds: every committed record has its row, and no uncommitted one has.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::{Rig, Server};
use userstream_e2e::source::{Reply, Source};
use userstream_e2e::users;

const USERS: usize = 12_000;
const STOPS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drained_processor_leaves_nothing_to_redeliver() {
    let rig = Rig::shared().await;
    let pipeline = Pipeline::without_source(&rig, "sigterm").await;
    pipeline.provision().await;
    // One version of each user, so that each row identifies its record.
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let records = pipeline.kafka.records(&pipeline.name).await;

    for stop in 0..STOPS {
        let mut processor = pipeline.process();
        poll_until("the processor writes rows", Duration::from_secs(60), async || {
            let status = processor.status().await?;
            if status["processor"]["written"].as_u64() >= Some(500) {
                Ok(())
            } else {
                Err(status.to_string())
            }
        })
        .await;
        processor.terminate();
        assert_eq!(processor.exit(Duration::from_secs(10)).await, 0, "stop {stop}");

        let committed =
            pipeline.kafka.committed(&pipeline.name, &pipeline.name).await.expect("the broker answers");
        let done = |partition: &i32, offset: i64| committed.get(partition).is_some_and(|next| offset < *next);
        let delivered: BTreeSet<String> = records
            .iter()
            .filter(|record| done(&record.partition, record.offset))
            .filter_map(users::parsed_row)
            .map(|(id, _)| id)
            .collect();
        let written: BTreeSet<String> = pipeline.rows().await.into_iter().map(|(id, _)| id).collect();
        let redelivered = written.difference(&delivered).count();
        let lost = delivered.difference(&written).count();
        assert_eq!(
            (redelivered, lost),
            (0, 0),
            "stop {stop}: committed {committed:?}, {} rows",
            written.len()
        );
        assert!(written.len() < USERS, "stop {stop} came after everything was written");
    }

    let _processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    pipeline.compare_table(users::parsed_row).await.assert_exact();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_processor_leaves_its_group_at_once() {
    let rig = Rig::shared().await;
    let pipeline = Pipeline::without_source(&rig, "sigterm_idle").await;
    pipeline.provision().await;
    let mut first = pipeline.process();
    first.await_ready(Duration::from_secs(30)).await;
    first.terminate();
    assert_eq!(first.exit(Duration::from_secs(5)).await, 0);
    // The first has left the group: the session timeout of an abandoned member would take ten seconds.
    let second = pipeline.process();
    second.await_ready(Duration::from_secs(8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processor_of_an_unresponsive_broker_ends_within_the_drain() {
    let rig = Rig::exclusive().await;
    let pipeline = Pipeline::without_source(&rig, "sigterm_away").await;
    pipeline.provision().await;
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let mut processor = pipeline.process();
    poll_until("the processor writes rows", Duration::from_secs(60), async || {
        let status = processor.status().await?;
        if status["processor"]["written"].as_u64() >= Some(500) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    rig.pause(Server::Kafka).await;
    // The writes in flight complete; then the commit gets no answer.
    poll_until("the processor reports an error of Kafka", Duration::from_secs(60), async || {
        let status = processor.status().await?;
        let is_reported = status["errors"].as_array().is_some_and(|errors| {
            errors.iter().any(|error| error["place"] == "commit" || error["place"] == "read")
        });
        if is_reported { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    processor.terminate();
    let code = processor.exit(Duration::from_secs(10)).await;
    rig.resume(Server::Kafka).await;
    assert_eq!(code, 0);

    let _successor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(60)).await;
    pipeline.compare_table(users::parsed_row).await.assert_exact();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producer_of_an_unresponsive_broker_ends_within_the_drain() {
    let rig = Rig::exclusive().await;
    let source = Source::start(|number, _| Reply::Json(json!([users::user(number, 0)]).to_string())).await;
    let mut pipeline = Pipeline::without_source(&rig, "sigterm_produce").await;
    let url = format!("{}/api", source.url);
    pipeline.spec["source"] = json!({"mode": "Continuous", "http": {"url": url, "interval": "100ms"}});
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.provision().await;
    // The broker is frozen before the first append. The exit code of an unfinished single run requests a retry.
    for (arguments, expected) in [(&[][..], 0), (&["--once"], 69)] {
        rig.pause(Server::Kafka).await;
        let before = source.requests().len();
        let mut producer = pipeline.start_with("producer", "produce", arguments);
        poll_until("a page is fetched", Duration::from_secs(30), async || match source.requests().len() {
            pages if pages > before => Ok(()),
            pages => Err(format!("{pages} pages")),
        })
        .await;
        let readiness = producer.get("/readyz").await;
        producer.terminate();
        let code = producer.exit(Duration::from_secs(10)).await;
        rig.resume(Server::Kafka).await;
        assert_eq!(code, expected, "{arguments:?}");
        assert_eq!(readiness, Ok((503, "log: not reached yet\n".to_owned())), "{arguments:?}");
    }
    let mut producer = pipeline.start("producer", "produce");
    producer.await_ready(Duration::from_secs(30)).await;
    producer.terminate();
    assert_eq!(producer.exit(Duration::from_secs(10)).await, 0);
}
