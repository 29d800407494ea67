//! The requests and pages of the source, over a scripted exchange in paused time.

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

fn fetcher(source: &model::HttpSource, secrets: &SecretsDirectory) -> PageFetcher<ScriptedExchange> {
    let clock = Clock::new(|| NOW);
    PageFetcher::new(source, secrets.path(), ScriptedExchange::default(), clock, Jitter::seeded(1))
}

/// A source without Secrets, over a script.
fn scripted(
    source: &model::HttpSource,
    responses: impl IntoIterator<Item = Response>,
) -> PageFetcher<ScriptedExchange> {
    let mut fetcher = fetcher(source, &SecretsDirectory::new());
    responses.into_iter().for_each(|response| fetcher.exchange.then(Ok(response)));
    fetcher
}

fn response(status: u16, body: &str) -> Response {
    ScriptedExchange::response(status, body)
}

fn ok(body: &str) -> Response {
    response(200, body)
}

/// Runs from a position to the end of the run: the records of each page, and the position after the last.
async fn run(
    fetcher: &mut PageFetcher<ScriptedExchange>,
    from: Option<&SourcePosition>,
) -> (Vec<Vec<String>>, Option<SourcePosition>) {
    fetcher.begin(from).unwrap();
    let (mut pages, mut position) = (Vec::new(), None);
    while let Some(page) = fetcher.fetch().await.unwrap() {
        assert_eq!(page.fetched_at, NOW);
        pages.push(page.records().map(|record| String::from_utf8(record.to_vec()).unwrap()).collect());
        position = page.position;
    }
    (pages, position)
}

async fn fails(fetcher: &mut PageFetcher<ScriptedExchange>) -> SourceError {
    fetcher.begin(None).unwrap();
    SourceError::from(fetcher.fetch().await.unwrap_err())
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
async fn unpaginated_run_is_one_request_without_a_position() {
    let mut fetcher = scripted(&source(URL), [ok(r#"[{"a":1},{"a":2}]"#), ok(r#"{"a":3}"#)]);
    let (pages, position) = run(&mut fetcher, None).await;
    assert_eq!(pages, [[r#"{"a":1}"#, r#"{"a":2}"#]]);
    assert_eq!(position, None);
    assert_eq!(run(&mut fetcher, None).await.0, [[r#"{"a":3}"#]]);
    assert_eq!(fetcher.exchange.urls(), [URL, URL]);
}

#[tokio::test(start_paused = true)]
async fn traversal_spans_runs_and_starts_over_at_the_first_page() {
    let full = || ok(r#"{"results":[1,2]}"#);
    let mut fetcher = scripted(&pages(2), [full(), full(), full(), ok(r#"{"results":[]}"#), full(), full()]);
    let (first, position) = run(&mut fetcher, None).await;
    assert_eq!(first, [["1", "2"], ["1", "2"]]);
    let (second, position) = run(&mut fetcher, position.as_ref()).await;
    assert_eq!(second, [vec!["1", "2"], vec![]]);
    run(&mut fetcher, position.as_ref()).await;
    let requested: Vec<_> =
        fetcher.exchange.urls().iter().map(|url| url.strip_prefix(URL).unwrap()).collect();
    assert_eq!(requested, ["1", "2", "3", "4", "1", "2"].map(|page| format!("?results=2&page={page}")));
}

#[tokio::test(start_paused = true)]
async fn not_found_ends_the_traversal_except_on_the_first_page() {
    let mut fetcher = scripted(&pages(5), [ok(r#"{"results":[1]}"#), response(404, ""), response(404, "")]);
    let (found, position) = run(&mut fetcher, None).await;
    assert_eq!(found, [vec!["1"], vec![]]);
    fetcher.begin(position.as_ref()).unwrap();
    let error = SourceError::from(fetcher.fetch().await.unwrap_err());
    assert_eq!((error.cause(), error.is_retryable()), ("not_found", false));
    assert!(fetcher.exchange.urls()[2].ends_with("page=1"));
}

#[tokio::test(start_paused = true)]
async fn cursor_is_kept_for_the_next_increment() {
    let mut fetcher = scripted(
        &cursors(),
        [
            ok(r#"{"results":[1],"next":"a/b"}"#),
            ok(r#"{"results":[2],"next":null}"#),
            ok(r#"{"results":[2,3],"next":17}"#),
            ok(r#"{"results":[],"next":17}"#),
        ],
    );
    let (first, position) = run(&mut fetcher, None).await;
    assert_eq!(first, [["1"], ["2"]]);
    let (second, position) = run(&mut fetcher, position.as_ref()).await;
    assert_eq!(second, [vec!["2", "3"], vec![]]);
    let tails: Vec<_> = fetcher.exchange.urls().iter().map(|url| url.strip_prefix(URL).unwrap()).collect();
    assert_eq!(tails, ["", "?after=a%2Fb", "?after=a%2Fb", "?after=17"]);
    assert!(position.unwrap().0.contains(r#""at":{"cursor":"17"}"#));
}

#[tokio::test(start_paused = true)]
async fn links_are_followed_to_the_last_page_and_start_over() {
    let linked = |target: &str| ok("[1]").with(LINK, &format!("<{target}>; rel=\"next\""));
    let mut fetcher = scripted(&links(), [linked("?page=2"), linked("/other?page=3"), ok("[2]"), ok("[3]")]);
    let (found, position) = run(&mut fetcher, None).await;
    assert_eq!(found.len(), 3);
    run(&mut fetcher, position.as_ref()).await;
    assert_eq!(
        fetcher.exchange.urls(),
        [URL, "https://api.example.com/users?page=2", "https://api.example.com/other?page=3", URL]
    );
}

#[tokio::test(start_paused = true)]
async fn loop_of_links_ends_the_run() {
    let linked = |target: &str| ok("[1]").with(LINK, &format!("<{target}>; rel=\"next\""));
    let endless = (0..20).map(|page| linked(["?b", "?a"][page % 2]));
    let mut fetcher = scripted(
        &model::HttpSource {
            pagination: Pagination::Link { max_pages: 1_000.try_into().unwrap() },
            ..source(URL)
        },
        endless,
    );
    let (found, position) = run(&mut fetcher, None).await;
    assert!((2..=8).contains(&found.len()), "{}", found.len());
    assert!(position.unwrap().0.contains(r#""url":null"#), "the next run starts at the first page");
}

#[tokio::test(start_paused = true)]
async fn link_to_another_server_is_never_requested_nor_saved() {
    for target in ["https://evil.example/?page=2", "http://169.254.169.254/", "file:///etc/passwd"] {
        let linked = ok("[1]").with(LINK, &format!("<{target}>; rel=next"));
        let mut fetcher = scripted(&links(), [linked, ok("[1]")]);
        assert_eq!(fails(&mut fetcher).await.cause(), "next_page", "{target}");
        let (found, _) = run(&mut fetcher, None).await;
        assert_eq!(found, [["1"]], "the next run asks the API again");
        assert_eq!(fetcher.exchange.urls(), [URL, URL]);
    }
}

/// Earlier versions followed and saved such links.
#[tokio::test(start_paused = true)]
async fn saved_link_to_another_server_is_not_used() {
    let mut fetcher = scripted(&links(), [ok("[1]").with(LINK, "<?page=2>; rel=next")]);
    fetcher.begin(None).unwrap();
    let position = fetcher.fetch().await.unwrap().unwrap().position.unwrap();
    let foreign = SourcePosition(position.0.replace("api.example.com", "evil.example"));
    assert_ne!(foreign, position);
    fetcher.exchange.then(Ok(ok("[2]")));
    assert_eq!(run(&mut fetcher, Some(&foreign)).await.0, [["2"]]);
    assert_eq!(fetcher.exchange.urls(), [URL, URL]);
}

#[tokio::test(start_paused = true)]
async fn refused_saved_position_is_given_up_once() {
    for refusal in [response(400, ""), response(404, ""), response(410, ""), ok("no JSON")] {
        let mut fetcher = scripted(&cursors(), [ok(r#"{"results":[1],"next":"expired"}"#)]);
        fetcher.begin(None).unwrap();
        let position = fetcher.fetch().await.unwrap().unwrap().position;
        fetcher.exchange.then(Ok(refusal));
        fetcher.exchange.then(Ok(ok(r#"{"results":[2],"next":null}"#)));
        fetcher.begin(position.as_ref()).unwrap();
        let page = fetcher.fetch().await.unwrap().unwrap();
        assert!(page.restarted);
        assert_eq!(page.records().collect::<Vec<_>>(), [b"2"]);
        assert_eq!(fetcher.exchange.urls()[1..], [&format!("{URL}?after=expired"), URL]);
    }
}

#[tokio::test(start_paused = true)]
async fn saved_position_outlives_other_failures() {
    for (failures, cause) in [
        // The credentials, not the position.
        (vec![response(403, "")], "forbidden"),
        // The first page is refused as well.
        (vec![response(404, ""), response(404, "")], "not_found"),
    ] {
        let requests = failures.len();
        let mut fetcher = scripted(&cursors(), [ok(r#"{"results":[1],"next":"here"}"#)]);
        fetcher.begin(None).unwrap();
        let position = fetcher.fetch().await.unwrap().unwrap().position;
        failures.into_iter().for_each(|failure| fetcher.exchange.then(Ok(failure)));
        fetcher.begin(position.as_ref()).unwrap();
        let error = SourceError::from(fetcher.fetch().await.unwrap_err());
        assert_eq!((error.cause(), fetcher.exchange.urls().len()), (cause, 1 + requests));
    }
}

#[tokio::test(start_paused = true)]
async fn redirect_through_another_origin_drops_credentials() {
    let secrets = SecretsDirectory::new();
    secrets.write("api", "apiKey", "canary");
    let placement = ApiKeyPlacement::Header("x-api-key".to_owned());
    let model = model::HttpSource {
        auth: HttpAuth::ApiKey { secret: "api".parse().unwrap(), placement },
        headers: [("cookie".to_owned(), "canary".to_owned())].into(),
        ..source(URL)
    };
    let mut fetcher = fetcher(&model, &secrets);
    for (status, location) in [(302, "/v2/users"), (307, "https://evil.example/users"), (308, URL)] {
        fetcher.exchange.then(Ok(response(status, "").with(LOCATION, location)));
    }
    fetcher.exchange.then(Ok(ok("[1]")));
    assert_eq!(run(&mut fetcher, None).await.0, [["1"]]);
    let carried: Vec<_> = fetcher
        .exchange
        .requests
        .iter()
        .map(|request| request.headers.contains_key("x-api-key") && request.headers.contains_key(COOKIE))
        .collect();
    assert_eq!(carried, [true, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn api_key_echoed_by_the_server_is_not_saved() {
    let secrets = SecretsDirectory::new();
    secrets.write("api", "apiKey", "canary");
    let placement = ApiKeyPlacement::Query("key".to_owned());
    let auth = HttpAuth::ApiKey { secret: "api".parse().unwrap(), placement };
    let mut fetcher = fetcher(&model::HttpSource { auth, ..links() }, &secrets);
    let repeated = || ok("[1]").with(LINK, "<?page=2&key=canary>; rel=next");
    fetcher.exchange.then(Ok(repeated()));
    fetcher.exchange.then(Ok(ok("[2]")));
    fetcher.begin(None).unwrap();
    let page = fetcher.fetch().await.unwrap().unwrap();
    let saved = page.position.unwrap().0;
    assert!(saved.contains("page=2") && !saved.contains("canary"), "{saved}");
    fetcher.fetch().await.unwrap();
    assert_eq!(fetcher.exchange.urls()[1], "https://api.example.com/users?page=2&key=canary");
}

#[tokio::test(start_paused = true)]
async fn post_is_repeated_on_307_alone() {
    let post = || model::HttpSource {
        method: HttpMethod::Post,
        body: Some(r#"{"query":1}"#.to_owned()),
        ..source(URL)
    };
    for (status, method, body) in [(302, "GET", None), (307, "POST", Some(r#"{"query":1}"#))] {
        let mut fetcher = scripted(&post(), [response(status, "").with(LOCATION, "/v2"), ok("[]")]);
        run(&mut fetcher, None).await;
        let [first, second] = &fetcher.exchange.requests[..] else { panic!("two requests") };
        assert_eq!((first.method.as_str(), first.body.as_deref()), ("POST", Some(r#"{"query":1}"#)));
        assert_eq!(first.headers[CONTENT_TYPE], "application/json");
        assert_eq!((second.method.as_str(), second.body.as_deref()), (method, body));
        assert_eq!(second.headers.contains_key(CONTENT_TYPE), body.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn endless_redirects_are_refused() {
    let mut fetcher = scripted(&source(URL), (0..6).map(|_| response(302, "").with(LOCATION, "/again")));
    let error = fails(&mut fetcher).await;
    assert_eq!((error.cause(), error.is_retryable()), ("redirect", false));
    assert_eq!(fetcher.exchange.unused(), 0);
}

#[tokio::test(start_paused = true)]
async fn transient_errors_are_retried_with_growing_backoff() {
    let start = Instant::now();
    let mut fetcher = scripted(&source(URL), [response(503, ""), response(500, "")]);
    fetcher.exchange.then(Err(ExchangeError::ConnectionLost));
    fetcher.exchange.then(Ok(ok("[1]")));
    assert_eq!(run(&mut fetcher, None).await.0, [["1"]]);
    let times: Vec<_> = fetcher.exchange.times.iter().map(|time| (*time - start).as_millis()).collect();
    for (pair, step) in times.windows(2).zip([500, 1_000, 2_000]) {
        let backoff = pair[1] - pair[0];
        assert!((step / 2..=step).contains(&backoff), "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn last_failed_attempt_ends_the_run_with_its_error() {
    let mut fetcher = scripted(&source(URL), (0..8).map(|_| response(503, "")));
    let error = fails(&mut fetcher).await;
    assert_eq!((error.cause(), error.is_retryable()), ("server_error", true));
    assert_eq!(fetcher.exchange.requests.len(), 8);
    assert!(fetcher.fetch().await.unwrap().is_none(), "the run is over");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_up_to_the_maximum_backoff() {
    for (value, expected) in [
        ("7", 7_000),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20_000),
        ("99999999999999999999", 30_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 30_000),
    ] {
        let start = Instant::now();
        let mut fetcher = scripted(&source(URL), [response(429, "").with(RETRY_AFTER, value), ok("[]")]);
        run(&mut fetcher, None).await;
        assert_eq!(start.elapsed(), Duration::from_millis(expected), "{value}");
    }
    for value in ["-1", "soon", "0", "Sun, 06 Nov 1994 08:00:00 GMT"] {
        let start = Instant::now();
        let mut fetcher = scripted(&source(URL), [response(429, "").with(RETRY_AFTER, value), ok("[]")]);
        run(&mut fetcher, None).await;
        assert!((250..=500).contains(&start.elapsed().as_millis()), "{value}: no hot loop");
    }
}

#[tokio::test(start_paused = true)]
async fn permanent_errors_are_not_retried() {
    for status in [400, 403, 404, 410, 418, 304] {
        let mut fetcher = scripted(&source(URL), [response(status, "")]);
        assert!(!fails(&mut fetcher).await.is_retryable(), "{status}");
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
        assert_eq!(run(&mut scripted(&model, [response(204, "")]), None).await.0, [Vec::<String>::new()]);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_refreshed_once() {
    let secrets = SecretsDirectory::new();
    secrets.write("idp", "clientId", "id");
    secrets.write("idp", "clientSecret", "secret");
    let auth = HttpAuth::OAuth2 {
        secret: "idp".parse().unwrap(),
        token_url: "https://idp.example/token".parse().unwrap(),
        scopes: Vec::new(),
    };
    let token = |token: &str| ok(&format!(r#"{{"access_token":"{token}","expires_in":3600}}"#));
    let mut fetcher = fetcher(&model::HttpSource { auth, ..source(URL) }, &secrets);
    for response in [
        token("one"),
        response(401, ""),
        token("two"),
        ok("[1]"),
        ok("[2]"),
        response(401, ""),
        token("three"),
        response(401, ""),
    ] {
        fetcher.exchange.then(Ok(response));
    }
    assert_eq!(run(&mut fetcher, None).await.0, [["1"]], "a revoked token is replaced");
    assert_eq!(run(&mut fetcher, None).await.0, [["2"]], "and kept");
    let error = fails(&mut fetcher).await;
    assert_eq!((error.cause(), error.is_retryable()), ("unauthorized", false));
    let sent = fetcher.exchange.requests.iter().filter(|request| request.url.as_str() == URL);
    let tokens: Vec<_> = sent.map(|request| request.headers[AUTHORIZATION].to_str().unwrap()).collect();
    assert_eq!(tokens, ["Bearer one", "Bearer two", "Bearer two", "Bearer two", "Bearer three"]);
}

#[tokio::test(start_paused = true)]
async fn unauthorized_without_credentials_is_not_retried() {
    let error = fails(&mut scripted(&source(URL), [response(401, "")])).await;
    assert_eq!(error.cause(), "unauthorized");
}

#[tokio::test(start_paused = true)]
async fn unavailable_token_endpoint_is_retried() {
    let secrets = SecretsDirectory::new();
    secrets.write("idp", "clientId", "id");
    secrets.write("idp", "clientSecret", "secret");
    let auth = HttpAuth::OAuth2 {
        secret: "idp".parse().unwrap(),
        token_url: "https://idp.example/token".parse().unwrap(),
        scopes: Vec::new(),
    };
    let mut fetcher = fetcher(&model::HttpSource { auth, ..source(URL) }, &secrets);
    fetcher.exchange.then(Ok(response(503, "").with(RETRY_AFTER, "9")));
    fetcher.exchange.then(Ok(ok(r#"{"access_token":"one"}"#)));
    fetcher.exchange.then(Ok(ok("[1]")));
    let start = Instant::now();
    assert_eq!(run(&mut fetcher, None).await.0, [["1"]]);
    assert_eq!(start.elapsed(), Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn unchanged_pages_yield_no_records() {
    let changed = model::HttpSource { emit: Emit::Changed, ..source(URL) };
    let mut fetcher = scripted(&changed, [ok("[1]"), ok("[1]"), ok("[2]"), ok("[1]"), ok("[1]")]);
    let (first, position) = run(&mut fetcher, None).await;
    assert_eq!(first, [["1"]]);
    let (second, position) = run(&mut fetcher, position.as_ref()).await;
    assert_eq!(second, [Vec::<String>::new()]);
    let (third, position) = run(&mut fetcher, position.as_ref()).await;
    assert_eq!(third, [["2"]]);
    let (fourth, _) = run(&mut fetcher, position.as_ref()).await;
    assert_eq!(fourth, [["1"]], "a return to an older body is a change");
    let (fifth, _) = run(&mut fetcher, None).await;
    assert_eq!(fifth, [["1"]], "without a position every page is new");
}

#[tokio::test(start_paused = true)]
async fn each_page_is_compared_with_its_own_last_fingerprint() {
    let changed = model::HttpSource { emit: Emit::Changed, ..pages(10) };
    let page = |records: &str| ok(&format!(r#"{{"results":{records}}}"#));
    let traversals = [["[1]", "[2]", "[]"], ["[1]", "[3]", "[]"], ["[1]", "[3]", "[]"]];
    let mut fetcher = scripted(&changed, traversals.as_flattened().iter().map(|records| page(records)));
    let mut position = None;
    let mut found = Vec::new();
    for _ in traversals {
        let (pages, saved) = run(&mut fetcher, position.as_ref()).await;
        found.push(pages.concat());
        position = saved;
    }
    assert_eq!(found, [vec!["1", "2"], vec!["3"], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn unsaved_position_yields_the_records_again() {
    let changed = model::HttpSource { emit: Emit::Changed, ..source(URL) };
    let mut fetcher = scripted(&changed, [ok("[1]"), ok("[2]"), ok("[2]")]);
    let (_, saved) = run(&mut fetcher, None).await;
    assert_eq!(run(&mut fetcher, saved.as_ref()).await.0, [["2"]]);
    // The records were not acknowledged, so the position after them was never saved.
    assert_eq!(run(&mut fetcher, saved.as_ref()).await.0, [["2"]]);
}

#[tokio::test(start_paused = true)]
async fn foreign_position_starts_over_and_an_unreadable_one_fails() {
    let mut other =
        scripted(&model::HttpSource { query: Default::default(), ..pages(1) }, [ok(r#"{"results":[1]}"#)]);
    let (_, position) = run(&mut other, None).await;
    let mut fetcher = scripted(&pages(1), [ok(r#"{"results":[1]}"#)]);
    run(&mut fetcher, position.as_ref()).await;
    assert!(fetcher.exchange.urls()[0].ends_with("page=1"));
    let error = SourceError::from(fetcher.begin(Some(&SourcePosition("{".to_owned()))).unwrap_err());
    assert_eq!((error.cause(), error.is_retryable()), ("position", false));
    let wrong = fetcher.position().unwrap().0.replace(r#"{"page":2}"#, r#""once""#);
    let error = SourceError::from(fetcher.begin(Some(&SourcePosition(wrong))).unwrap_err());
    assert_eq!(error.cause(), "position");
}

#[tokio::test(start_paused = true)]
async fn rate_limit_spans_pages_runs_retries_and_redirects() {
    let rate_limit = RateLimit { requests: 2.try_into().unwrap(), per: Duration::from_secs(60) };
    let page = || ok(r#"{"results":[1]}"#);
    let responses =
        [page(), page(), response(429, ""), page(), response(302, "").with(LOCATION, "/v2"), page()];
    let mut fetcher = scripted(&model::HttpSource { rate_limit, ..pages(2) }, responses);
    let start = Instant::now();
    run(&mut fetcher, None).await;
    run(&mut fetcher, None).await;
    let times: Vec<_> = fetcher.exchange.times.iter().map(|time| (*time - start).as_secs()).collect();
    assert_eq!(times, [0, 0, 60, 60, 120, 120]);
}

#[tokio::test(start_paused = true)]
async fn cancelled_fetch_does_not_advance() {
    let mut fetcher =
        scripted(&pages(5), [ok(r#"{"results":[1]}"#), response(503, ""), ok(r#"{"results":[2]}"#)]);
    fetcher.begin(None).unwrap();
    fetcher.fetch().await.unwrap();
    let cancelled = tokio::time::timeout(Duration::from_millis(1), fetcher.fetch()).await;
    assert!(cancelled.is_err(), "cancelled in the backoff between two attempts");
    let page = fetcher.fetch().await.unwrap().unwrap();
    assert_eq!(page.records().collect::<Vec<_>>(), [b"2"]);
    assert!(fetcher.exchange.urls()[2].ends_with("page=2"));
}

#[tokio::test(start_paused = true)]
async fn configured_headers_replace_those_sent_by_default() {
    let headers = [("accept", "application/vnd.example+json"), ("user-agent", "us"), ("x-one", "1")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut fetcher = scripted(&model::HttpSource { headers, ..source(URL) }, [ok("[]")]);
    run(&mut fetcher, None).await;
    let sent = &fetcher.exchange.requests[0].headers;
    let sent: Vec<_> =
        ["accept", "accept-encoding", "user-agent", "x-one"].map(|name| sent[name].to_str().unwrap()).into();
    assert_eq!(sent, ["application/vnd.example+json", "gzip", "us", "1"]);
}

#[tokio::test(start_paused = true)]
async fn page_carries_the_time_it_was_received() {
    let time = Arc::new(AtomicI64::new(1_000));
    let clock = Clock::new({
        let time = Arc::clone(&time);
        move || time.load(Ordering::Relaxed)
    });
    let exchange = ScriptedExchange::new([ok("[1]"), ok("[2]")]);
    let mut fetcher =
        PageFetcher::new(&source(URL), SecretsDirectory::new().path(), exchange, clock, Jitter::seeded(1));
    for expected in [1_000, 2_000] {
        time.store(expected, Ordering::Relaxed);
        fetcher.begin(None).unwrap();
        assert_eq!(fetcher.fetch().await.unwrap().unwrap().fetched_at, expected);
    }
}
