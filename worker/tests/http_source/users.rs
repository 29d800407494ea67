//! A paginated API of users in the format of randomuser.me, with credentials that are rotated between requests.

use std::sync::Arc;

use userstream_crds::model::{Emit, HttpAuth, HttpSource, Pagination};
use userstream_worker::source::{SourceError, Users};

use crate::server::{Received, Server, Step, json, response};
use crate::{Secrets, describe, open, open_local, records, run};

/// The first users of a seed, each as one JSON object.
fn users(count: u64) -> Vec<String> {
    let users = Users::new(7);
    let user = |number| {
        let mut buffer = Vec::new();
        users.write(number, &mut buffer);
        String::from_utf8(buffer).unwrap()
    };
    (0..count).map(user).collect()
}

fn page(users: &[String], number: usize, size: usize) -> String {
    let users: Vec<&str> = users.iter().skip(number * size).take(size).map(String::as_str).collect();
    format!("{{\"results\": [\n{}\n], \"info\": {{\"page\": {number}}}}}", users.join(",\n"))
}

fn parameter(request: &Received, name: &str) -> Option<String> {
    let target = request.line.split(' ').nth(1)?;
    let url = url::Url::parse(&format!("http://host{target}")).ok()?;
    url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

fn paginated(url: &str, pagination: Pagination) -> HttpSource {
    HttpSource { records_path: Some("results".parse().unwrap()), pagination, ..describe(url) }
}

#[tokio::test]
async fn every_kind_of_pagination_yields_every_user_unchanged() {
    let all = Arc::new(users(103));
    let max_pages = 4.try_into().unwrap();
    let kinds = [
        Pagination::Page { parameter: "page".to_owned(), first: 0, max_pages },
        Pagination::Cursor { parameter: "page".to_owned(), path: "info.next".parse().unwrap(), max_pages },
        Pagination::Link { max_pages },
    ];
    for pagination in kinds {
        let server = Server::start({
            let all = Arc::clone(&all);
            move |_, request| {
                let number: usize = parameter(request, "page").map_or(0, |number| number.parse().unwrap());
                let last = (number + 1) * 10 >= all.len();
                let next = if last { "null".to_owned() } else { format!("\"{}\"", number + 1) };
                let body =
                    page(&all, number, 10).replace("\"page\": ", &format!("\"next\": {next}, \"page\": "));
                let link = format!("</users?page={}>; rel=\"next\"", number + 1);
                let link = if last { "</users?page=0>; rel=\"first\"" } else { &link };
                response(200, &[("link", link)], body.as_bytes())
            }
        })
        .await;
        let model = paginated(&server.url("/users"), pagination.clone());
        let mut found = Vec::new();
        let mut position = None;
        let mut runs = 0;
        // A new source per run, as in a new process.
        while found.len() < all.len() {
            let pages = run(&mut open_local(&model), position.as_ref()).await.unwrap();
            assert!((1..=4).contains(&pages.len()));
            found.extend(records(&pages));
            position = pages.last().unwrap().position.clone();
            runs += 1;
        }
        assert_eq!(found, *all, "{pagination:?}");
        assert_eq!(runs, 3, "{pagination:?}: 11 pages and an end, four at a time");
    }
}

#[tokio::test]
async fn max_pages_bounds_a_server_that_ignores_the_page() {
    let server = Server::start(|_, _| json(r#"{"results":[1]}"#)).await;
    let pagination =
        Pagination::Page { parameter: "page".to_owned(), first: 1, max_pages: 5.try_into().unwrap() };
    let pages = run(&mut open_local(&paginated(&server.url("/"), pagination)), None).await.unwrap();
    assert_eq!((pages.len(), server.received().len()), (5, 5));
}

#[tokio::test]
async fn unchanged_pages_yield_no_records_after_a_restart() {
    let server = Server::start(|number, _| json(if number < 2 { r#"{"a":1}"# } else { r#"{"a":2}"# })).await;
    let model = HttpSource { emit: Emit::Changed, ..describe(&server.url("/")) };
    let mut position = None;
    let mut counts = Vec::new();
    for _ in 0..4 {
        let pages = run(&mut open_local(&model), position.as_ref()).await.unwrap();
        counts.push(records(&pages).len());
        position = pages.last().unwrap().position.clone();
    }
    assert_eq!(counts, [1, 0, 1, 0]);
}

#[tokio::test]
async fn secret_rotated_during_a_request_fails_no_run() {
    let secrets = Secrets::new();
    secrets.write("api", "username", "user");
    secrets.write("api", "password", "old");
    let server = Server::start({
        let password = secrets.path().join("api/password");
        move |number, request| {
            // The server rotates the password before the second run, and the Secret follows during its first request.
            if number == 1 {
                std::fs::write(&password, "new").unwrap();
                return response(401, &[], b"");
            }
            match request.header("authorization") {
                Some("Basic dXNlcjpvbGQ=") if number == 0 => json("[1]"),
                Some("Basic dXNlcjpuZXc=") => json("[2]"),
                _ => response(401, &[], b""),
            }
        }
    })
    .await;
    let model = HttpSource { auth: HttpAuth::Basic("api".parse().unwrap()), ..describe(&server.url("/")) };
    let mut source = open(&model, secrets.path(), &["127.0.0.1/32"]);
    assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"]);
    assert_eq!(records(&run(&mut source, None).await.unwrap()), ["2"]);
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn token_is_cached_and_replaced_when_revoked() {
    let secrets = Secrets::new();
    secrets.write("idp", "clientId", "client");
    secrets.write("idp", "clientSecret", "secret");
    let server = Server::start(|number, request| match (request.line.split(' ').nth(1).unwrap(), number) {
        ("/token", _) => {
            assert_eq!(request.body, "grant_type=client_credentials&scope=users");
            json(&format!(r#"{{"access_token":"t{number}","token_type":"bearer","expires_in":3600}}"#))
        }
        (_, 3) => response(401, &[], b""),
        _ => json(&format!("[\"{}\"]", request.header("authorization").unwrap())),
    })
    .await;
    let auth = HttpAuth::OAuth2 {
        secret: "idp".parse().unwrap(),
        token_url: server.url("/token").parse().unwrap(),
        scopes: vec!["users".to_owned()],
    };
    let mut source =
        open(&HttpSource { auth, ..describe(&server.url("/")) }, secrets.path(), &["127.0.0.1/32"]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(records(&run(&mut source, None).await.unwrap()));
    }
    assert_eq!(seen, ["\"Bearer t0\"", "\"Bearer t0\"", "\"Bearer t4\""]);
}

#[tokio::test]
async fn failed_run_continues_from_its_last_saved_position() {
    let all = Arc::new(users(30));
    let server = Server::start({
        let all = Arc::clone(&all);
        move |request_number, request| {
            let number: usize = parameter(request, "page").unwrap().parse().unwrap();
            // The third response is truncated in the middle of its page.
            if request_number == 2 {
                let body = page(&all, number, 10);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                return vec![Step::Send((head + &body[..body.len() / 2]).into_bytes()), Step::Close];
            }
            json(&page(&all, number, 10))
        }
    })
    .await;
    let pagination =
        Pagination::Page { parameter: "page".to_owned(), first: 0, max_pages: 100.try_into().unwrap() };
    let mut source = open_local(&paginated(&server.url("/"), pagination));
    let (mut found, mut saved) = (Vec::new(), None);
    let mut failures: Vec<SourceError> = Vec::new();
    use userstream_worker::source::Source as _;
    while found.len() < all.len() {
        source.begin(saved.as_ref()).unwrap();
        loop {
            match source.fetch().await {
                Ok(Some(page)) => {
                    found.extend(records(std::slice::from_ref(&page)));
                    saved = page.position;
                }
                Ok(None) => break,
                Err(error) => {
                    failures.push(error);
                    break;
                }
            }
        }
    }
    assert_eq!(found, *all);
    assert_eq!(failures.iter().map(SourceError::cause).collect::<Vec<_>>(), ["connection_lost"]);
}
