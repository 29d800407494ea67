//! What the tests of the HTTP source share: a model, Secrets on disk, and an exchange that plays a script.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use userstream_crds::model::{Emit, HttpAuth, HttpMethod, HttpSource, Pagination, RateLimit, Retry};

use super::auth::credential::SecretFile;
use super::error::ExchangeError;
use super::transport::exchange::{Exchange, Request, Response};

/// A source with the defaults of the resource, but for a rate limit that is out of the way.
pub(crate) fn source(url: &str) -> HttpSource {
    HttpSource {
        url: url.parse().unwrap(),
        method: HttpMethod::Get,
        body: None,
        query: Default::default(),
        headers: Default::default(),
        timeout: Duration::from_secs(5),
        max_response_bytes: 16 << 20,
        records_path: None,
        pagination: Pagination::None,
        emit: Emit::All,
        auth: HttpAuth::None,
        ca: None,
        rate_limit: RateLimit { requests: 100_000.try_into().unwrap(), per: Duration::from_millis(1) },
        retry: Retry {
            max_attempts: 8.try_into().unwrap(),
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
        },
    }
}

/// Mounted Secrets in a folder of their own, removed with this value.
pub(crate) struct SecretsDirectory(tempfile::TempDir);

impl SecretsDirectory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, secret: &str, key: &str, content: impl AsRef<[u8]>) {
        let folder = self.path().join(secret);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(key), content).unwrap();
    }

    pub(crate) fn file(&self, secret: &str, key: &'static str) -> SecretFile {
        SecretFile::new(self.path(), &secret.parse().unwrap(), key)
    }
}

/// Answers requests in the order of a script and keeps them.
#[derive(Default)]
pub(crate) struct ScriptedExchange {
    answers: VecDeque<Result<Response, ExchangeError>>,
    /// What was asked.
    pub(crate) requests: Vec<Request>,
    /// When, from the start of the test's clock.
    pub(crate) times: Vec<tokio::time::Instant>,
}

impl ScriptedExchange {
    pub(crate) fn new(answers: impl IntoIterator<Item = Response>) -> Self {
        Self { answers: answers.into_iter().map(Ok).collect(), ..Self::default() }
    }

    /// Adds an answer behind those that are there.
    pub(crate) fn then(&mut self, answer: Result<Response, ExchangeError>) {
        self.answers.push_back(answer);
    }

    pub(crate) fn answer(status: u16, body: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    /// The URLs that were asked for.
    pub(crate) fn urls(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.url.as_str()).collect()
    }

    /// How many answers nobody has asked for.
    pub(crate) fn left(&self) -> usize {
        self.answers.len()
    }
}

impl Response {
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }
}

impl Exchange for ScriptedExchange {
    async fn exchange(&mut self, request: &Request) -> Result<Response, ExchangeError> {
        self.requests.push(request.clone());
        self.times.push(tokio::time::Instant::now());
        self.answers.pop_front().expect("a request beyond the script")
    }
}
