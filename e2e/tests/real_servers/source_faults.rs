//! A source refuses, fails, hangs, truncates or sends a gzip bomb: no record is lost, retries back off, memory is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::rig::Rig;
use userstream_e2e::source::{Reply, Request, Source, gzip_bomb};
use userstream_e2e::users;

const PAGES: usize = 8;
const PAGE: usize = 20;

fn page_number(request: &Request) -> usize {
    request.query["page"].parse().expect("the page is a number")
}

fn body(number: usize) -> String {
    let users: Vec<Value> = (0..PAGE).map(|user| users::user((number - 1) * PAGE + user, 0)).collect();
    json!({"results": if number <= PAGES { users } else { vec![] }}).to_string()
}

fn source_spec(url: &str) -> Value {
    json!({
        "mode": "Scheduled",
        "schedule": {"cron": "@hourly"},
        "http": {
            "url": format!("{url}/api"),
            "recordsPath": "results",
            "timeout": "1s",
            "maxResponseBytes": "1Mi",
            "pagination": {"type": "Page", "parameter": "page"},
            "rateLimit": {"requests": 100, "per": "1s"},
            "retry": {"maxAttempts": 4, "initialBackoff": "200ms", "maxBackoff": "3s"},
        },
    })
}

async fn appended(pipeline: &Pipeline) -> BTreeSet<Vec<u8>> {
    pipeline.kafka.records(&pipeline.name).await.into_iter().filter_map(|record| record.key).collect()
}

fn keys(pages: usize) -> BTreeSet<Vec<u8>> {
    (0..pages * PAGE).map(|user| users::id(user).to_string().into_bytes()).collect()
}

/// A source whose pages each fail once, each in another way; the seventh fails twice.
async fn transiently_failing_source() -> Source {
    let attempts = std::sync::Mutex::new(BTreeMap::<usize, usize>::new());
    Source::start(move |_, request| {
        let page = page_number(request);
        let mut attempts = attempts.lock().expect("no script panicked");
        let attempt = attempts.entry(page).or_default();
        *attempt += 1;
        match (*attempt, page) {
            (1, 1) => Reply::Status(429, vec![("retry-after", "2".to_owned())]),
            (1, 2) => Reply::Status(503, vec![]),
            (1, 3) => Reply::Hang,
            (1, 4) => Reply::HangInBody(body(page)),
            (1, 5) => Reply::Truncated(body(page)),
            (1, 6) => Reply::Status(500, vec![("retry-after", "86400".to_owned())]),
            (1..=2, 7) => Reply::Status(502, vec![]),
            _ => Reply::Json(body(page)),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transient_fault_is_retried_with_backoff_and_loses_no_page() {
    let rig = Rig::shared().await;
    let source = transiently_failing_source().await;
    let mut pipeline = Pipeline::without_source(&rig, "source_faults").await;
    pipeline.spec["source"] = source_spec(&source.url);
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.provision().await;
    let code = pipeline.start_with("producer", "produce", &["--once"]).exit(Duration::from_secs(60)).await;
    assert_eq!(code, 0);
    assert_eq!(appended(&pipeline).await, keys(PAGES));
    assert_eq!(
        pipeline.kafka.count(&pipeline.name).await,
        i64::try_from(PAGES * PAGE).expect("few"),
        "none twice"
    );

    let requests = source.requests();
    let pages: Vec<_> = requests.iter().map(page_number).collect();
    assert_eq!(pages, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 9]);
    let gap = |index: usize| requests[index + 1].at - requests[index].at;
    assert!(gap(0) >= Duration::from_secs(2), "Retry-After: 2 was followed by a pause of {:?}", gap(0));
    let capped = gap(10);
    let (least, most) = (Duration::from_secs(2), Duration::from_secs(6));
    assert!(
        capped >= least && capped <= most,
        "a Retry-After of a day was followed by a pause of {capped:?}, not of maxBackoff"
    );
    for retried in [2, 8, 12, 13] {
        assert!(
            gap(retried) >= Duration::from_millis(50),
            "request {retried} was repeated after {:?}",
            gap(retried)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permanent_fault_fails_the_run_and_the_next_resumes_there() {
    let rig = Rig::shared().await;
    let is_repaired = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let serves_all = is_repaired.clone();
    let source = Source::start(move |_, request| match page_number(request) {
        4 if !serves_all.load(std::sync::atomic::Ordering::Relaxed) => Reply::Status(500, vec![]),
        page => Reply::Json(body(page)),
    })
    .await;
    let mut pipeline = Pipeline::without_source(&rig, "source_down").await;
    pipeline.spec["source"] = source_spec(&source.url);
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.provision().await;

    let run =
        async || pipeline.start_with("producer", "produce", &["--once"]).exit(Duration::from_secs(60)).await;
    assert_eq!(run().await, 69);
    assert_eq!(pipeline.termination_message("producer")["outcome"], "Unavailable");
    assert_eq!(appended(&pipeline).await, keys(3), "what came before the fault is in the topic");
    let pages: Vec<_> = source.requests().iter().map(page_number).collect();
    assert_eq!(pages, [1, 2, 3, 4, 4, 4, 4], "maxAttempts is 4");

    is_repaired.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(run().await, 0);
    assert_eq!(appended(&pipeline).await, keys(PAGES));
    let pages: Vec<_> = source.requests().iter().skip(7).map(page_number).collect();
    assert_eq!(pages, [4, 5, 6, 7, 8, 9], "pagination resumes at the saved position");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_bomb_is_refused_before_it_exhausts_memory() {
    let rig = Rig::shared().await;
    // Twice the memory limit of the producer, and 256 times the response limit.
    let bomb = gzip_bomb(256 << 20);
    let source = Source::start(move |_, _| Reply::Gzipped(Arc::clone(&bomb))).await;
    let mut pipeline = Pipeline::without_source(&rig, "gzip_bomb").await;
    pipeline.spec["source"] = source_spec(&source.url);
    pipeline.spec["source"]["mode"] = json!("Continuous");
    pipeline.spec["source"]["schedule"] = Value::Null;
    pipeline.spec["source"]["http"]["interval"] = json!("1s");
    // Decompressing all of it may take longer than a second: the response limit has to end it, not the timeout.
    pipeline.spec["source"]["http"]["timeout"] = json!("20s");
    pipeline.provision().await;
    let mut producer = pipeline.start("producer", "produce");
    let failed = async || {
        let status = producer.status().await?;
        if status["producer"]["failedRuns"].as_u64() >= Some(3) { Ok(()) } else { Err(status.to_string()) }
    };
    userstream_e2e::poll_until::poll_until("three runs have failed", Duration::from_secs(120), failed).await;
    let peak = producer.peak_memory().expect("an invalid response must not end the producer");
    assert!(peak < 128 << 20, "the producer's memory rose to {} MiB", peak >> 20);
    assert!(producer.is_running(), "an invalid response must not end the producer");
    assert_eq!(pipeline.kafka.count(&pipeline.name).await, 0);
}
