//! The addresses that a source may reach. A canary listens on an address to which no connection is allowed.

use std::path::Path;

use userstream_crds::model::{HttpSource, Pagination};

use crate::server::{Server, Step, json, response};
use crate::{Secrets, describe, fails, open, open_local, records, run};

/// A server that no source may reach.
async fn canary() -> Server {
    Server::start(|_, _| json("[\"reached\"]")).await
}

#[tokio::test]
async fn loopback_is_not_reached_without_an_allow_list() {
    let canary = canary().await;
    let port = canary.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "①②⑦.0.0.1",
    ] {
        let mut source = open(&describe(&format!("http://{host}:{port}/")), Path::new("/"), &[]);
        assert_eq!(fails(&mut source).await, ("forbidden_address", false), "{host}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn unspecified_address_is_blocked_despite_the_allow_list() {
    // Linux dials 0.0.0.0 as loopback.
    let canary = canary().await;
    let url = format!("http://0.0.0.0:{}/", canary.address.port());
    let mut source = open(&describe(&url), Path::new("/"), &["0.0.0.0/0", "::/0"]);
    assert_eq!(fails(&mut source).await, ("forbidden_address", false));
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn allowed_range_is_reached_by_address_and_by_name() {
    let server = Server::start(|_, _| json("[1]")).await;
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", server.address.port());
        let mut source = open(&describe(&url), Path::new("/"), &["127.0.0.1/32"]);
        assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"], "{host}");
    }
}

#[tokio::test]
async fn redirect_is_checked_like_the_first_address() {
    let canary = canary().await;
    let port = canary.address.port();
    for (target, cause) in [
        (format!("http://127.0.0.1:{port}/"), "forbidden_address"),
        (format!("http://localhost:{port}/"), "forbidden_address"),
        (format!("//[::ffff:127.0.0.1]:{port}/"), "forbidden_address"),
        ("http://169.254.169.254/latest/meta-data/iam/".to_owned(), "forbidden_address"),
        ("https://10.96.0.1/api/v1/secrets".to_owned(), "forbidden_address"),
        (format!("http://user:password@127.0.0.2:{port}/"), "forbidden_url"),
        ("file:///etc/passwd".to_owned(), "forbidden_url"),
    ] {
        let redirect = response(302, &[("location", &target)], b"");
        let server = Server::start_on("127.0.0.2", None, move |_, _| redirect.clone()).await;
        let mut source = open(&describe(&server.url("/")), Path::new("/"), &["127.0.0.2/32"]);
        assert_eq!(fails(&mut source).await, (cause, false), "{target}");
        assert_eq!(server.received().len(), 1);
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn next_link_to_another_server_is_not_requested() {
    let canary = canary().await;
    let link = format!("<http://127.0.0.1:{}/>; rel=\"next\"", canary.address.port());
    let page = response(200, &[("link", &link)], b"[1]");
    let server = Server::start_on("127.0.0.2", None, move |_, _| page.clone()).await;
    let pagination = Pagination::Link { max_pages: 10.try_into().unwrap() };
    let model = HttpSource { pagination, ..describe(&server.url("/")) };
    let mut source = open(&model, Path::new("/"), &["127.0.0.2/32"]);
    assert_eq!(fails(&mut source).await, ("next_page", false));
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn credentials_are_not_sent_to_a_redirects_other_origin() {
    use userstream_crds::model::HttpAuth;
    let secrets = Secrets::new();
    secrets.write("api", "token", "canary");
    let elsewhere = Server::start_on("127.0.0.2", None, |_, _| json("[1]")).await;
    let own = Server::start({
        let target = elsewhere.url("/users");
        move |number, _| match number {
            0 => response(302, &[("location", "/moved")], b""),
            _ => response(307, &[("location", &target)], b""),
        }
    })
    .await;
    let model = HttpSource {
        auth: HttpAuth::Bearer("api".parse().unwrap()),
        headers: [("x-tenant".to_owned(), "canary".to_owned())].into(),
        ..describe(&own.url("/"))
    };
    let mut source = open(&model, secrets.path(), &["127.0.0.0/8"]);
    assert_eq!(records(&run(&mut source, None).await.unwrap()), ["1"]);
    let own = own.received();
    assert_eq!(own[1].line, "GET /moved HTTP/1.1");
    assert!(own.iter().all(|request| request.header("authorization") == Some("Bearer canary")));
    let elsewhere = elsewhere.received();
    assert_eq!(elsewhere[0].line, "GET /users HTTP/1.1");
    assert!(!format!("{elsewhere:?}").contains("canary"), "{elsewhere:?}");
}

#[tokio::test]
async fn proxy_variables_of_the_environment_are_ignored() {
    // A proxy would bypass the check of addresses. The variables are set for a child process, because other tests run
    // in this one.
    let proxy = Server::start(|_, _| json("[\"proxied\"]")).await;
    let server = Server::start(|_, _| json("[\"direct\"]")).await;
    let (url, proxy_url) = (server.url("/"), proxy.url(""));
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "destinations::fetches_the_url_of_the_environment", "--nocapture"])
            .envs([("HTTP_PROXY", &proxy_url), ("http_proxy", &proxy_url), ("ALL_PROXY", &proxy_url)])
            .env("USERSTREAM_TEST_URL", url)
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((server.received().len(), proxy.connections()), (1, 0));
}

/// The child process of the test above. Does nothing without its environment.
#[tokio::test]
async fn fetches_the_url_of_the_environment() {
    if let Ok(url) = std::env::var("USERSTREAM_TEST_URL") {
        let pages = run(&mut open_local(&describe(&url)), None).await.unwrap();
        assert_eq!(records(&pages), ["\"direct\""]);
    }
}

#[tokio::test]
async fn open_connection_does_not_bypass_the_address_check() {
    // The connection to the allowed server stays open; its redirect to the forbidden one is still refused.
    let canary = canary().await;
    let target = canary.url("/");
    let server = Server::start_on("127.0.0.2", None, move |number, _| match number {
        0 => json("[1]"),
        1 => response(302, &[("location", &target)], b""),
        _ => vec![Step::Close],
    })
    .await;
    let mut source = open(&describe(&server.url("/")), Path::new("/"), &["127.0.0.2/32"]);
    run(&mut source, None).await.unwrap();
    assert_eq!(fails(&mut source).await, ("forbidden_address", false));
    assert_eq!(canary.connections(), 0);
}
