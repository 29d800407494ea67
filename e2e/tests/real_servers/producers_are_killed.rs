//! A producer that is killed between pages resumes at the saved page, and no page is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;
use userstream_e2e::source::{Reply, Request, Source};
use userstream_e2e::users;

const PAGES: usize = 40;
const PAGE: usize = 50;
const KILLS: usize = 5;

fn page(request: &Request) -> Reply {
    let number: usize = request.query["page"].parse().expect("the page is a number");
    let users: Vec<_> = (0..PAGE).map(|user| users::user((number - 1) * PAGE + user, 0)).collect();
    Reply::Json(json!({"results": if number <= PAGES { users } else { vec![] }}).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_producer_resumes_at_the_saved_page() {
    let rig = Rig::shared().await;
    let source = Source::start(|_, request| page(request)).await;
    let mut pipeline = Pipeline::without_source(&rig, "kill_producer").await;
    pipeline.spec["source"] = json!({
        "mode": "Scheduled",
        "schedule": {"cron": "0 0 1 1 *"},
        "http": {
            "url": format!("{}/api", source.url),
            "recordsPath": "results",
            "pagination": {"type": "Page", "parameter": "page", "maxPages": PAGES * 2},
            "rateLimit": {"requests": 20, "per": "1s"},
        },
    });
    pipeline.spec["kafka"]["keyField"] = json!("id");
    pipeline.provision().await;

    for kill in 1..=KILLS {
        let producer = pipeline.start_with("producer", "produce", &["--once"]);
        let enough = source.requests().len() + 4;
        poll_until("the producer fetches pages", Duration::from_secs(30), async || {
            let fetched = source.requests().len();
            if fetched >= enough { Ok(()) } else { Err(format!("{fetched} pages, kill {kill}")) }
        })
        .await;
        producer.kill().await;
    }
    let code = pipeline.start_with("producer", "produce", &["--once"]).exit(Duration::from_secs(60)).await;
    assert_eq!(code, 0, "the last run reaches the last page");

    let fetched: Vec<usize> =
        source.requests().iter().map(|request| request.query["page"].parse().expect("a number")).collect();
    let pages: BTreeSet<_> = fetched.iter().copied().collect();
    assert_eq!(pages, (1..=PAGES + 1).collect(), "every page is fetched, and the empty one after them");
    let refetched = fetched.len() - pages.len();
    assert!(refetched <= KILLS * 3, "{refetched} pages fetched twice over {KILLS} kills: {fetched:?}");

    let records = pipeline.kafka.records(&pipeline.name).await;
    let ids: BTreeSet<_> = records.iter().map(|record| record.header("ce_id")).collect();
    assert_eq!(ids.len(), PAGES * PAGE, "a record that is appended again has the same id");
    let appended: BTreeSet<_> = records.into_iter().filter_map(|record| record.key).collect();
    let expected: BTreeSet<_> =
        (0..PAGES * PAGE).map(|user| users::id(user).to_string().into_bytes()).collect();
    assert_eq!(appended, expected);
}
