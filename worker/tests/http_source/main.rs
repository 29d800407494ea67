//! The HTTP source over real sockets, against hostile, broken and unresponsive servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation ends the test")]

mod canary;
mod destinations;
mod faults;
mod server;
mod tls;
mod users;

use std::path::Path;
use std::time::Duration;

use userstream_crds::model::{self, Emit, HttpAuth, HttpMethod, Pagination, RateLimit, Retry};
use userstream_worker::log::SourcePosition;
use userstream_worker::runtime::clock::Clock;
use userstream_worker::source::{HttpSource, Page, Source, SourceError};

/// A source without retries.
fn describe(url: &str) -> model::HttpSource {
    model::HttpSource {
        url: url.parse().unwrap(),
        method: HttpMethod::Get,
        body: None,
        query: Default::default(),
        headers: Default::default(),
        timeout: Duration::from_secs(20),
        max_response_bytes: 1 << 20,
        records_path: None,
        pagination: Pagination::None,
        emit: Emit::All,
        auth: HttpAuth::None,
        ca: None,
        rate_limit: RateLimit { requests: 100_000.try_into().unwrap(), per: Duration::from_millis(1) },
        retry: Retry {
            max_attempts: 1.try_into().unwrap(),
            initial_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(1),
        },
    }
}

/// The source, allowed to dial some ranges.
fn open(model: &model::HttpSource, secrets: &Path, allowed: &[&str]) -> HttpSource {
    let allowed: Vec<_> = allowed.iter().map(|range| range.parse().unwrap()).collect();
    HttpSource::new(model, secrets, &allowed, Clock::system())
}

/// The source, allowed to dial loopback.
fn open_local(model: &model::HttpSource) -> HttpSource {
    open(model, Path::new("/nonexistent"), &["127.0.0.0/8", "::1/128"])
}

/// The pages of a run.
async fn run(source: &mut HttpSource, from: Option<&SourcePosition>) -> Result<Vec<Page>, SourceError> {
    source.begin(from)?;
    let mut pages = Vec::new();
    while let Some(page) = source.fetch().await? {
        pages.push(page);
    }
    Ok(pages)
}

/// The cause of the error that a run must end with, and whether it is retryable.
async fn fails(source: &mut HttpSource) -> (&'static str, bool) {
    match run(source, None).await {
        Ok(pages) => panic!("the run fetched {} pages", pages.len()),
        Err(error) => (error.cause(), error.is_retryable()),
    }
}

fn records(pages: &[Page]) -> Vec<String> {
    pages.iter().flat_map(Page::records).map(|record| String::from_utf8(record.to_vec()).unwrap()).collect()
}

/// A temporary directory of mounted Secrets.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, secret: &str, key: &str, content: &str) {
        let folder = self.path().join(secret);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(key), content).unwrap();
    }
}
