//! `/readyz`, `/status` and `/metrics` of a worker, compared with the state of the servers.

use std::collections::BTreeMap;
use std::time::Duration;

use userstream_e2e::documented_tables;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;
use userstream_e2e::users;

const USERS: usize = 500;

fn is_worker_metric(metric: &str) -> bool {
    let is_of_operator =
        ["userstream_operator_", "userstream_pipeline_"].iter().any(|it| metric.starts_with(it));
    metric.starts_with("userstream_") && !is_of_operator
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_status_agrees_with_the_servers() {
    let rig = Rig::shared().await;
    let pipeline = Pipeline::without_source(&rig, "status").await;
    pipeline.provision().await;
    pipeline.kafka.append(&pipeline.name, &users::records(0, USERS, 1)).await;
    let processor = pipeline.process();
    processor.await_ready(Duration::from_secs(30)).await;
    pipeline.await_processed(Duration::from_secs(30)).await;

    let committed =
        pipeline.kafka.committed(&pipeline.name, &pipeline.name).await.expect("the broker answers");
    let status = poll_until("the worker reports no lag", Duration::from_secs(10), async || {
        let status = processor.status().await?;
        if status["processor"]["lag"] == 0 { Ok(status) } else { Err(status.to_string()) }
    })
    .await;
    let reported = status["processor"]["partitions"].as_array().expect("there are partitions");
    assert_eq!(reported.len(), 4, "{status}");
    for partition in reported {
        let number = i32::try_from(partition["partition"].as_i64().expect("a number")).expect("a small one");
        assert_eq!(partition["committed"].as_i64(), committed.get(&number).copied(), "{status}");
        assert_eq!(
            partition["highWatermark"].as_i64(),
            Some(pipeline.kafka.watermarks(&pipeline.name).await[&number].1)
        );
    }
    assert_eq!(status["processor"]["written"], USERS, "{status}");
    assert_eq!(status["processor"]["deadLettered"], 0, "{status}");
    assert!(
        status["processor"]["lastRowTime"].is_i64() || status["processor"]["lastRowTime"].is_string(),
        "{status}"
    );

    let (code, metrics) = processor.get("/metrics").await.expect("the worker answers");
    assert_eq!(code, 200);
    let documented: BTreeMap<String, String> =
        documented_tables::metrics().into_iter().filter(|(name, _)| is_worker_metric(name)).collect();
    assert_eq!(documented_tables::metrics_of(&metrics), documented, "docs/operations.md, Metrics");
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    for sample in samples {
        assert!(sample.starts_with("userstream_"), "{sample}");
        assert!(!sample.contains("example.com"), "a metric carries a user's data: {sample}");
    }
    assert_eq!(processor.get("/livez").await.expect("the worker answers").0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_configuration_exits_with_78() {
    let rig = Rig::shared().await;
    let mut pipeline = Pipeline::without_source(&rig, "bad_config").await;
    pipeline.spec["sink"]["cassandra"]["table"]["partitionKey"] = serde_json::json!(["missing"]);
    for command in ["provision", "process"] {
        assert_eq!(pipeline.run(command).await, 78, "{command}");
    }
    pipeline.spec["sink"]["cassandra"]["tabel"] = serde_json::json!({});
    assert_eq!(pipeline.run("process").await, 78, "an unknown field is refused");
}
