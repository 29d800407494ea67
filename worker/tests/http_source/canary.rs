//! No part of a body, a header or a credential appears in an error or in the log, even at level TRACE.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine};
use tracing_subscriber::fmt::MakeWriter;
use userstream_crds::model::{ApiKeyPlacement, HttpAuth, HttpSource, Pagination, Retry};
use userstream_worker::source::Source;

use crate::server::{Server, Step, json, response};
use crate::{Secrets, describe, open};

const CANARY: &str = "c4n4ry+&/=\"ü";

/// Captures the log.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl log::Log for Captured {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(self.clone(), "{} {} {}", record.level(), record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}

/// The encodings in which the canary could appear.
fn encodings() -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(CANARY.as_bytes()).collect();
    let base64 = BASE64_STANDARD.encode(format!("{CANARY}:{CANARY}"));
    let debug = format!("{CANARY:?}");
    vec!["c4n4ry".to_owned(), encoded, base64[..16].to_owned(), debug.trim_matches('"').to_owned()]
}

/// Captures every log line of the process, so that the log of the other tests is checked too.
fn capture_log() -> Captured {
    let captured = Captured::default();
    log::set_boxed_logger(Box::new(captured.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    captured
}

fn mounted_canaries() -> Secrets {
    let secrets = Secrets::new();
    for key in ["username", "password", "clientId", "clientSecret", "apiKey"] {
        secrets.write("api", key, CANARY);
    }
    // Header values are ASCII.
    secrets.write("api", "token", "c4n4ry");
    secrets
}

/// Responses with the canary wherever a server can put it.
fn responses() -> Vec<Vec<Step>> {
    let canary_header = ("x-canary", "c4n4ry");
    vec![
        json(&format!("[\"{CANARY}\"]")),
        json("{\"c4n4ry\": c4n4ry}"),
        json("{\"next\": {\"c4n4ry\": 1}, \"c4n4ry\": []}"),
        response(200, &[("content-type", "application/json; charset=c4n4ry")], b"c4n4ry"),
        response(200, &[("content-encoding", "c4n4ry")], b"c4n4ry"),
        response(200, &[("link", "c4n4ry")], b"[]"),
        response(302, &[("location", "http://169.254.169.254/c4n4ry"), canary_header], b"c4n4ry"),
        response(302, &[("location", "http://c4n4ry:c4n4ry@127.0.0.1/")], b""),
        response(302, &[("location", "http://[c4n4ry]/")], b""),
        response(401, &[("www-authenticate", "Basic realm=c4n4ry")], b"c4n4ry"),
        response(429, &[("retry-after", "c4n4ry")], b"c4n4ry"),
        response(503, &[canary_header], b"c4n4ry"),
        vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n\"c4n4ry".to_vec()), Step::Close],
        vec![Step::Send(b"c4n4ry\r\n\r\n".to_vec()), Step::Close],
        vec![Step::Close],
    ]
}

fn methods(token_url: &str) -> [HttpAuth; 5] {
    let secret = || "api".parse().unwrap();
    [
        HttpAuth::Basic(secret()),
        HttpAuth::Bearer(secret()),
        HttpAuth::ApiKey { secret: secret(), placement: ApiKeyPlacement::Query("key".to_owned()) },
        HttpAuth::ApiKey { secret: secret(), placement: ApiKeyPlacement::Header("x-key".to_owned()) },
        HttpAuth::OAuth2 { secret: secret(), token_url: token_url.parse().unwrap(), scopes: Vec::new() },
    ]
}

fn paginations() -> [(Pagination, Option<&'static str>); 2] {
    let max_pages = 2.try_into().unwrap();
    let cursor =
        Pagination::Cursor { parameter: "after".to_owned(), path: "next".parse().unwrap(), max_pages };
    [(Pagination::Link { max_pages }, None), (cursor, Some("c4n4ry"))]
}

#[tokio::test]
async fn secrets_and_bodies_never_reach_errors_or_logs() {
    let captured = capture_log();
    let secrets = mounted_canaries();
    let mut texts = Vec::new();
    for response in responses() {
        let token = json("{\"access_token\":\"c4n4ry\"}");
        let server =
            Server::start(
                move |_, request| {
                    if request.line.contains("/token") { token.clone() } else { response.clone() }
                },
            )
            .await;
        for auth in methods(&server.url("/token")) {
            for (pagination, records_path) in paginations() {
                let retry = Retry { max_attempts: 2.try_into().unwrap(), ..describe("http://a/").retry };
                let model = HttpSource {
                    auth: auth.clone(),
                    pagination,
                    records_path: records_path.map(|path| path.parse().unwrap()),
                    headers: [("x-configured".to_owned(), "c4n4ry".to_owned())].into(),
                    retry,
                    ..describe(&server.url("/users?c4n4ry=c4n4ry"))
                };
                let mut source = open(&model, secrets.path(), &["127.0.0.1/32"]);
                source.begin(None).unwrap();
                if let Err(error) = source.fetch().await {
                    texts.push(format!("{error} {error:?}"));
                }
            }
        }
    }
    assert!(texts.len() > 100, "expected more responses to fail: {}", texts.len());
    let logged = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(logged.contains("a request failed and will be retried"), "nothing was captured");
    assert!(
        logged.contains("TRACE") && logged.contains("hyper_util"),
        "the log of the HTTP client was not captured"
    );
    for text in texts.iter().map(String::as_str).chain(logged.lines()) {
        for encoding in encodings() {
            assert!(!text.contains(&encoding), "{encoding} in: {text}");
        }
    }
}
