//! What the source asks for and hands out, over a scripted exchange and in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LINK, LOCATION, RETRY_AFTER};
use tokio::time::Instant;
use userstream_crds::model::{ApiKeyPlacement, HttpAuth, HttpMethod, RateLimit};

use super::error::ExchangeError;
use super::testing::{ScriptedExchange, SecretsDirectory, source};
use super::transport::exchange::Response;
use super::*;

const URL: &str = "https://api.example.com/users";
/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: i64 = 784_111_777_000;

fn client(source: &model::HttpSource, secrets: &SecretsDirectory) -> super::Client<ScriptedExchange> {
    let clock = Clock::new(|| NOW);
    super::Client::new(source, secrets.path(), ScriptedExchange::default(), clock, Jitter::seeded(1))
}

/// A source without Secrets and its script.
fn scripted(
    source: &model::HttpSource,
    answers: impl IntoIterator<Item = Response>,
) -> super::Client<ScriptedExchange> {
    let mut client = client(source, &SecretsDirectory::new());
    answers.into_iter().for_each(|answer| client.exchange.then(Ok(answer)));
    client
}

fn answer(status: u16, body: &str) -> Response {
    ScriptedExchange::answer(status, body)
}

fn ok(body: &str) -> Response {
    answer(200, body)
}

/// A run from a position to its end: the records of each page, and the position behind the last.
async fn run(
    client: &mut super::Client<ScriptedExchange>,
    from: Option<&SourcePosition>,
) -> (Vec<Vec<String>>, Option<SourcePosition>) {
    client.begin(from).unwrap();
    let (mut pages, mut position) = (Vec::new(), None);
    while let Some(page) = client.fetch().await.unwrap() {
        assert_eq!(page.fetched_at, NOW);
        pages.push(page.records().map(|record| String::from_utf8(record.to_vec()).unwrap()).collect());
        position = page.position;
    }
    (pages, position)
}

async fn fails(client: &mut super::Client<ScriptedExchange>) -> SourceError {
    client.begin(None).unwrap();
    SourceError::from(client.fetch().await.unwrap_err())
}

fn pages(max_pages: u32) -> model::HttpSource {
    let max_pages = max_pages.try_into().unwrap();
    model::HttpSource {
        pagination: Pagination::Page { parameter: "page".to_owned(), first: 1, max_pages },
        records_path: Some("results".parse().unwrap()),
        query: [("results".to_owned(), "2".to_owned())].into(),
        ..source(URL)
    }
}

fn cursors() -> model::HttpSource {
    model::HttpSource {
        pagination: Pagination::Cursor {
            parameter: "after".to_owned(),
            path: "next".parse().unwrap(),
            max_pages: 10.try_into().unwrap(),
        },
        records_path: Some("results".parse().unwrap()),
        ..source(URL)
    }
}

fn links() -> model::HttpSource {
    model::HttpSource { pagination: Pagination::Link { max_pages: 10.try_into().unwrap() }, ..source(URL) }
}

#[tokio::test(start_paused = true)]
async fn one_request_is_one_run_and_leaves_nothing_to_save() {
    let mut client = scripted(&source(URL), [ok(r#"[{"a":1},{"a":2}]"#), ok(r#"{"a":3}"#)]);
    let (pages, position) = run(&mut client, None).await;
    assert_eq!(pages, [[r#"{"a":1}"#, r#"{"a":2}"#]]);
    assert_eq!(position, None);
    assert_eq!(run(&mut client, None).await.0, [[r#"{"a":3}"#]]);
    assert_eq!(client.exchange.urls(), [URL, URL]);
}

#[tokio::test(start_paused = true)]
async fn a_walk_is_cut_into_runs_and_starts_again_at_the_first_page() {
    let full = || ok(r#"{"results":[1,2]}"#);
    let mut client = scripted(&pages(2), [full(), full(), full(), ok(r#"{"results":[]}"#), full(), full()]);
    let (first, position) = run(&mut client, None).await;
    assert_eq!(first, [["1", "2"], ["1", "2"]]);
    let (second, position) = run(&mut client, position.as_ref()).await;
    assert_eq!(second, [vec!["1", "2"], vec![]]);
    run(&mut client, position.as_ref()).await;
    let asked: Vec<_> = client.exchange.urls().iter().map(|url| url.strip_prefix(URL).unwrap()).collect();
    assert_eq!(asked, ["1", "2", "3", "4", "1", "2"].map(|page| format!("?results=2&page={page}")));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_found_behind_others_is_the_end_but_the_first_is_an_error() {
    let mut client = scripted(&pages(5), [ok(r#"{"results":[1]}"#), answer(404, ""), answer(404, "")]);
    let (found, position) = run(&mut client, None).await;
    assert_eq!(found, [vec!["1"], vec![]]);
    client.begin(position.as_ref()).unwrap();
    let error = SourceError::from(client.fetch().await.unwrap_err());
    assert_eq!((error.cause(), error.is_retryable()), ("not_found", false));
    assert!(client.exchange.urls()[2].ends_with("page=1"));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_is_kept_for_the_next_increment() {
    let mut client = scripted(
        &cursors(),
        [
            ok(r#"{"results":[1],"next":"a/b"}"#),
            ok(r#"{"results":[2],"next":null}"#),
            ok(r#"{"results":[2,3],"next":17}"#),
            ok(r#"{"results":[],"next":17}"#),
        ],
    );
    let (first, position) = run(&mut client, None).await;
    assert_eq!(first, [["1"], ["2"]]);
    let (second, position) = run(&mut client, position.as_ref()).await;
    assert_eq!(second, [vec!["2", "3"], vec![]]);
    let tails: Vec<_> = client.exchange.urls().iter().map(|url| url.strip_prefix(URL).unwrap()).collect();
    assert_eq!(tails, ["", "?after=a%2Fb", "?after=a%2Fb", "?after=17"]);
    assert!(position.unwrap().0.contains(r#""at":{"cursor":"17"}"#));
}

#[tokio::test(start_paused = true)]
async fn links_are_followed_to_the_last_and_then_from_the_first() {
    let linked = |target: &str| ok("[1]").with(LINK, &format!("<{target}>; rel=\"next\""));
    let mut client = scripted(&links(), [linked("?page=2"), linked("/other?page=3"), ok("[2]"), ok("[3]")]);
    let (found, position) = run(&mut client, None).await;
    assert_eq!(found.len(), 3);
    run(&mut client, position.as_ref()).await;
    assert_eq!(
        client.exchange.urls(),
        [URL, "https://api.example.com/users?page=2", "https://api.example.com/other?page=3", URL]
    );
}

#[tokio::test(start_paused = true)]
async fn pages_that_link_in_circles_end_the_run() {
    let linked = |target: &str| ok("[1]").with(LINK, &format!("<{target}>; rel=\"next\""));
    let circle = (0..20).map(|page| linked(["?b", "?a"][page % 2]));
    let mut client = scripted(
        &model::HttpSource {
            pagination: Pagination::Link { max_pages: 1_000.try_into().unwrap() },
            ..source(URL)
        },
        circle,
    );
    let (found, position) = run(&mut client, None).await;
    assert!((2..=8).contains(&found.len()), "{}", found.len());
    assert!(position.unwrap().0.contains(r#""url":null"#), "the next run starts at the first page");
}

#[tokio::test(start_paused = true)]
async fn a_link_to_another_server_takes_no_credentials_along() {
    let secrets = SecretsDirectory::new();
    secrets.write("api", "token", "canary");
    let model = model::HttpSource {
        auth: HttpAuth::Bearer("api".parse().unwrap()),
        headers: [
            ("x-tenant".to_owned(), "canary".to_owned()),
            ("accept-language".to_owned(), "de".to_owned()),
        ]
        .into(),
        ..links()
    };
    let mut client = client(&model, &secrets);
    client.exchange.then(Ok(ok("[1]").with(LINK, "<https://evil.example/?page=2>; rel=next")));
    client.exchange.then(Ok(ok("[2]")));
    run(&mut client, None).await;
    let [own, other] = &client.exchange.requests[..] else { panic!("two requests") };
    assert_eq!(own.headers[AUTHORIZATION], "Bearer canary");
    assert_eq!(own.headers["x-tenant"], "canary");
    assert!(!other.headers.values().any(|value| value.as_bytes().windows(6).any(|part| part == b"canary")));
    assert_eq!(other.headers["accept-language"], "de");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_another_server_takes_no_credentials_along_and_none_on_the_way_back() {
    let secrets = SecretsDirectory::new();
    secrets.write("api", "apiKey", "canary");
    let placement = ApiKeyPlacement::Header("x-api-key".to_owned());
    let model = model::HttpSource {
        auth: HttpAuth::ApiKey { secret: "api".parse().unwrap(), placement },
        headers: [("cookie".to_owned(), "canary".to_owned())].into(),
        ..source(URL)
    };
    let mut client = client(&model, &secrets);
    for (status, location) in [(302, "/v2/users"), (307, "https://evil.example/users"), (308, URL)] {
        client.exchange.then(Ok(answer(status, "").with(LOCATION, location)));
    }
    client.exchange.then(Ok(ok("[1]")));
    assert_eq!(run(&mut client, None).await.0, [["1"]]);
    let carried: Vec<_> = client
        .exchange
        .requests
        .iter()
        .map(|request| request.headers.contains_key("x-api-key") && request.headers.contains_key(COOKIE))
        .collect();
    assert_eq!(carried, [true, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn an_api_key_that_a_server_repeats_is_not_saved() {
    let secrets = SecretsDirectory::new();
    secrets.write("api", "apiKey", "canary");
    let placement = ApiKeyPlacement::Query("key".to_owned());
    let auth = HttpAuth::ApiKey { secret: "api".parse().unwrap(), placement };
    let mut client = client(&model::HttpSource { auth, ..links() }, &secrets);
    let repeated = || ok("[1]").with(LINK, "<?page=2&key=canary>; rel=next");
    client.exchange.then(Ok(repeated()));
    client.exchange.then(Ok(ok("[2]")));
    client.begin(None).unwrap();
    let page = client.fetch().await.unwrap().unwrap();
    let saved = page.position.unwrap().0;
    assert!(saved.contains("page=2") && !saved.contains("canary"), "{saved}");
    client.fetch().await.unwrap();
    assert_eq!(client.exchange.urls()[1], "https://api.example.com/users?page=2&key=canary");
}

#[tokio::test(start_paused = true)]
async fn a_post_is_repeated_by_307_alone() {
    let post = || model::HttpSource {
        method: HttpMethod::Post,
        body: Some(r#"{"query":1}"#.to_owned()),
        ..source(URL)
    };
    for (status, method, body) in [(302, "GET", None), (307, "POST", Some(r#"{"query":1}"#))] {
        let mut client = scripted(&post(), [answer(status, "").with(LOCATION, "/v2"), ok("[]")]);
        run(&mut client, None).await;
        let [first, second] = &client.exchange.requests[..] else { panic!("two requests") };
        assert_eq!((first.method.as_str(), first.body.as_deref()), ("POST", Some(r#"{"query":1}"#)));
        assert_eq!(first.headers[CONTENT_TYPE], "application/json");
        assert_eq!((second.method.as_str(), second.body.as_deref()), (method, body));
        assert_eq!(second.headers.contains_key(CONTENT_TYPE), body.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_end_somewhere() {
    let mut client = scripted(&source(URL), (0..6).map(|_| answer(302, "").with(LOCATION, "/again")));
    let error = fails(&mut client).await;
    assert_eq!((error.cause(), error.is_retryable()), ("redirect", false));
    assert_eq!(client.exchange.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_with_growing_pauses() {
    let start = Instant::now();
    let mut client = scripted(&source(URL), [answer(503, ""), answer(500, "")]);
    client.exchange.then(Err(ExchangeError::ConnectionLost));
    client.exchange.then(Ok(ok("[1]")));
    assert_eq!(run(&mut client, None).await.0, [["1"]]);
    let times: Vec<_> = client.exchange.times.iter().map(|time| (*time - start).as_millis()).collect();
    for (pair, step) in times.windows(2).zip([500, 1_000, 2_000]) {
        let pause = pair[1] - pair[0];
        assert!((step / 2..=step).contains(&pause), "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_error_passes_on_and_the_run_is_over() {
    let mut client = scripted(&source(URL), (0..8).map(|_| answer(503, "")));
    let error = fails(&mut client).await;
    assert_eq!((error.cause(), error.is_retryable()), ("server_error", true));
    assert_eq!(client.exchange.requests.len(), 8);
    assert!(client.fetch().await.unwrap().is_none(), "the run is over");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_wait_is_waited_for_but_not_for_ever() {
    for (value, expected) in [
        ("7", 7_000),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20_000),
        ("99999999999999999999", 30_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 30_000),
    ] {
        let start = Instant::now();
        let mut client = scripted(&source(URL), [answer(429, "").with(RETRY_AFTER, value), ok("[]")]);
        run(&mut client, None).await;
        assert_eq!(start.elapsed(), Duration::from_millis(expected), "{value}");
    }
    for value in ["-1", "soon", "0", "Sun, 06 Nov 1994 08:00:00 GMT"] {
        let start = Instant::now();
        let mut client = scripted(&source(URL), [answer(429, "").with(RETRY_AFTER, value), ok("[]")]);
        run(&mut client, None).await;
        assert!((250..=500).contains(&start.elapsed().as_millis()), "{value}: no hot loop");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stays_is_not_tried_again() {
    for status in [400, 403, 404, 410, 418, 304] {
        let mut client = scripted(&source(URL), [answer(status, "")]);
        assert!(!fails(&mut client).await.is_retryable(), "{status}");
    }
    let bodies = [
        ("", "not_json"),
        ("<html>", "not_json"),
        ("[1", "not_json"),
        ("17", "records_path"),
        (&"[".repeat(1_000), "too_deep"),
    ];
    for (body, cause) in bodies {
        let error = fails(&mut scripted(&source(URL), [ok(body)])).await;
        assert_eq!((error.cause(), error.is_retryable()), (cause, false), "{body:.20}");
    }
    let error = fails(&mut scripted(&pages(1), [ok(r#"{"error":"no"}"#)])).await;
    assert_eq!(error.cause(), "records_path");
    let error = fails(&mut scripted(&cursors(), [ok(r#"{"results":[],"next":{}}"#)])).await;
    assert_eq!(error.cause(), "next_page");
}

#[tokio::test(start_paused = true)]
async fn no_content_is_an_empty_page() {
    for model in [source(URL), pages(3), cursors(), links()] {
        assert_eq!(run(&mut scripted(&model, [answer(204, "")]), None).await.0, [Vec::<String>::new()]);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_read_again_once() {
    let secrets = SecretsDirectory::new();
    secrets.write("idp", "clientId", "id");
    secrets.write("idp", "clientSecret", "secret");
    let auth = HttpAuth::OAuth2 {
        secret: "idp".parse().unwrap(),
        token_url: "https://idp.example/token".parse().unwrap(),
        scopes: Vec::new(),
    };
    let token = |token: &str| ok(&format!(r#"{{"access_token":"{token}","expires_in":3600}}"#));
    let mut client = client(&model::HttpSource { auth, ..source(URL) }, &secrets);
    for answer in [
        token("one"),
        answer(401, ""),
        token("two"),
        ok("[1]"),
        ok("[2]"),
        answer(401, ""),
        token("three"),
        answer(401, ""),
    ] {
        client.exchange.then(Ok(answer));
    }
    assert_eq!(run(&mut client, None).await.0, [["1"]], "a revoked token is replaced");
    assert_eq!(run(&mut client, None).await.0, [["2"]], "and kept");
    let error = fails(&mut client).await;
    assert_eq!((error.cause(), error.is_retryable()), ("unauthorized", false));
    let sent = client.exchange.requests.iter().filter(|request| request.url.as_str() == URL);
    let tokens: Vec<_> = sent.map(|request| request.headers[AUTHORIZATION].to_str().unwrap()).collect();
    assert_eq!(tokens, ["Bearer one", "Bearer two", "Bearer two", "Bearer two", "Bearer three"]);
}

#[tokio::test(start_paused = true)]
async fn without_credentials_a_401_is_final_at_once() {
    let error = fails(&mut scripted(&source(URL), [answer(401, "")])).await;
    assert_eq!(error.cause(), "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_not_well_is_asked_again() {
    let secrets = SecretsDirectory::new();
    secrets.write("idp", "clientId", "id");
    secrets.write("idp", "clientSecret", "secret");
    let auth = HttpAuth::OAuth2 {
        secret: "idp".parse().unwrap(),
        token_url: "https://idp.example/token".parse().unwrap(),
        scopes: Vec::new(),
    };
    let mut client = client(&model::HttpSource { auth, ..source(URL) }, &secrets);
    client.exchange.then(Ok(answer(503, "").with(RETRY_AFTER, "9")));
    client.exchange.then(Ok(ok(r#"{"access_token":"one"}"#)));
    client.exchange.then(Ok(ok("[1]")));
    let start = Instant::now();
    assert_eq!(run(&mut client, None).await.0, [["1"]]);
    assert_eq!(start.elapsed(), Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn unchanged_pages_are_fetched_but_give_no_records() {
    let changed = model::HttpSource { emit: Emit::Changed, ..source(URL) };
    let mut client = scripted(&changed, [ok("[1]"), ok("[1]"), ok("[2]"), ok("[1]"), ok("[1]")]);
    let (first, position) = run(&mut client, None).await;
    assert_eq!(first, [["1"]]);
    let (second, position) = run(&mut client, position.as_ref()).await;
    assert_eq!(second, [Vec::<String>::new()]);
    let (third, saved_late) = run(&mut client, position.as_ref()).await;
    assert_eq!(third, [["2"]]);
    let (fourth, _) = run(&mut client, saved_late.as_ref()).await;
    assert_eq!(fourth, [["1"]], "back to an older look is a change");
    let (fifth, _) = run(&mut client, None).await;
    assert_eq!(fifth, [["1"]], "without a position everything is new");
}

#[tokio::test(start_paused = true)]
async fn each_page_of_a_walk_is_compared_with_itself() {
    let changed = model::HttpSource { emit: Emit::Changed, ..pages(10) };
    let page = |records: &str| ok(&format!(r#"{{"results":{records}}}"#));
    let walks = [["[1]", "[2]", "[]"], ["[1]", "[3]", "[]"], ["[1]", "[3]", "[]"]];
    let mut client = scripted(&changed, walks.as_flattened().iter().map(|records| page(records)));
    let mut position = None;
    let mut found = Vec::new();
    for _ in walks {
        let (pages, saved) = run(&mut client, position.as_ref()).await;
        found.push(pages.concat());
        position = saved;
    }
    assert_eq!(found, [vec!["1", "2"], vec!["3"], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn an_unsaved_position_brings_the_records_again() {
    let changed = model::HttpSource { emit: Emit::Changed, ..source(URL) };
    let mut client = scripted(&changed, [ok("[1]"), ok("[2]"), ok("[2]")]);
    let (_, saved) = run(&mut client, None).await;
    assert_eq!(run(&mut client, saved.as_ref()).await.0, [["2"]]);
    // The records were not acknowledged, so the position behind them was never saved.
    assert_eq!(run(&mut client, saved.as_ref()).await.0, [["2"]]);
}

#[tokio::test(start_paused = true)]
async fn a_position_of_another_source_is_the_beginning_and_an_unreadable_one_an_error() {
    let mut other =
        scripted(&model::HttpSource { query: Default::default(), ..pages(1) }, [ok(r#"{"results":[1]}"#)]);
    let (_, position) = run(&mut other, None).await;
    let mut client = scripted(&pages(1), [ok(r#"{"results":[1]}"#)]);
    run(&mut client, position.as_ref()).await;
    assert!(client.exchange.urls()[0].ends_with("page=1"));
    let error = SourceError::from(client.begin(Some(&SourcePosition("{".to_owned()))).unwrap_err());
    assert_eq!((error.cause(), error.is_retryable()), ("position", false));
    let wrong = client.position().unwrap().0.replace(r#"{"page":2}"#, r#""once""#);
    let error = SourceError::from(client.begin(Some(&SourcePosition(wrong))).unwrap_err());
    assert_eq!(error.cause(), "position");
}

#[tokio::test(start_paused = true)]
async fn requests_keep_to_the_rate_across_pages_runs_retries_and_redirects() {
    let rate_limit = RateLimit { requests: 2.try_into().unwrap(), per: Duration::from_secs(60) };
    let page = || ok(r#"{"results":[1]}"#);
    let answers = [page(), page(), answer(429, ""), page(), answer(302, "").with(LOCATION, "/v2"), page()];
    let mut client = scripted(&model::HttpSource { rate_limit, ..pages(2) }, answers);
    let start = Instant::now();
    run(&mut client, None).await;
    run(&mut client, None).await;
    let times: Vec<_> = client.exchange.times.iter().map(|time| (*time - start).as_secs()).collect();
    assert_eq!(times, [0, 0, 60, 60, 120, 120]);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_is_dropped_has_not_moved() {
    let mut client =
        scripted(&pages(5), [ok(r#"{"results":[1]}"#), answer(503, ""), ok(r#"{"results":[2]}"#)]);
    client.begin(None).unwrap();
    client.fetch().await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(1), client.fetch()).await;
    assert!(dropped.is_err(), "dropped in the pause between two attempts");
    let page = client.fetch().await.unwrap().unwrap();
    assert_eq!(page.records().collect::<Vec<_>>(), [b"2"]);
    assert!(client.exchange.urls()[2].ends_with("page=2"));
}

#[tokio::test(start_paused = true)]
async fn configured_headers_replace_those_sent_by_default() {
    let headers = [("accept", "application/vnd.example+json"), ("user-agent", "us"), ("x-one", "1")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut client = scripted(&model::HttpSource { headers, ..source(URL) }, [ok("[]")]);
    run(&mut client, None).await;
    let sent = &client.exchange.requests[0].headers;
    let sent: Vec<_> =
        ["accept", "accept-encoding", "user-agent", "x-one"].map(|name| sent[name].to_str().unwrap()).into();
    assert_eq!(sent, ["application/vnd.example+json", "gzip", "us", "1"]);
}

#[tokio::test(start_paused = true)]
async fn records_carry_the_time_they_were_received() {
    let time = Arc::new(AtomicI64::new(1_000));
    let clock = Clock::new({
        let time = Arc::clone(&time);
        move || time.load(Ordering::Relaxed)
    });
    let exchange = ScriptedExchange::new([ok("[1]"), ok("[2]")]);
    let mut client =
        super::Client::new(&source(URL), SecretsDirectory::new().path(), exchange, clock, Jitter::seeded(1));
    for expected in [1_000, 2_000] {
        time.store(expected, Ordering::Relaxed);
        client.begin(None).unwrap();
        assert_eq!(client.fetch().await.unwrap().unwrap().fetched_at, expected);
    }
}
