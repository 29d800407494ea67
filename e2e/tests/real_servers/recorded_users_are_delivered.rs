//! The recorded responses of randomuser.me, served page by page, reach the table byte for byte.

use std::time::Duration;

use serde_json::{Value, json};
use userstream_e2e::oracle::Model;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;
use userstream_e2e::source::{Reply, Source};
use userstream_e2e::users;

const PAGE: usize = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_users_reach_the_table_byte_for_byte() {
    let rig = Rig::shared().await;
    let source = Source::start(|_, request| {
        let number: usize = request.query["page"].parse().expect("the page is a number");
        let users: Vec<&Value> = users::recorded().iter().skip((number - 1) * PAGE).take(PAGE).collect();
        Reply::Json(json!({"results": users, "info": {"seed": "userstream", "page": number}}).to_string())
    })
    .await;
    let mut pipeline = Pipeline::without_source(&rig, "recorded").await;
    pipeline.spec["source"] = json!({
        "mode": "Scheduled",
        "schedule": {"cron": "@hourly"},
        "http": {
            "url": format!("{}/api/", source.url),
            "query": {"results": PAGE.to_string()},
            "recordsPath": "results",
            "pagination": {"type": "Page", "parameter": "page"},
            "rateLimit": {"requests": 100, "per": "1s"},
        },
    });
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.provision().await;
    let code = pipeline.start_with("producer", "produce", &["--once"]).exit(Duration::from_secs(30)).await;
    assert_eq!(code, 0);
    let _processor = pipeline.process();
    pipeline.await_processed(Duration::from_secs(30)).await;

    let pages = users::recorded().len().div_ceil(PAGE) + 1;
    assert_eq!(source.requests().len(), pages, "every page once, and the empty one after them");
    assert!(source.requests().iter().all(|request| request.query["results"] == PAGE.to_string()));

    // The values come from the fixture. Only the write time comes from the topic, because it is the time of the fetch.
    let records = pipeline.kafka.records(&pipeline.name).await;
    assert_eq!(records.len(), users::recorded().len());
    let model = Model::fold(&records, |record| {
        let id = std::str::from_utf8(record.key.as_deref()?).expect("the key is text");
        let user = users::recorded().iter().find(|user| user["login"]["uuid"] == id);
        Some(users::row(user.unwrap_or_else(|| panic!("{id} is no recorded user"))))
    });
    assert_eq!(model.rows(), users::recorded().len());
    model.compare(&pipeline.rows().await).assert_exact();
    assert_eq!(pipeline.kafka.count(&pipeline.dead_letter_topic()).await, 0);
}
