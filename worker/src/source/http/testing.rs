//! Fixtures of the HTTP source's tests: a model, mounted Secrets and a scripted exchange.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use userstream_crds::model::{Emit, HttpAuth, HttpMethod, HttpSource, Pagination, RateLimit, Retry};

use super::auth::credential::SecretFile;
use super::error::ExchangeError;
use super::transport::exchange::{Exchange, Request, Response};

/// A source with the defaults of the resource, but with a rate limit that never blocks.
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

/// A temporary directory of mounted Secrets.
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

/// Returns the responses of a script in order and records the requests.
#[derive(Default)]
pub(crate) struct ScriptedExchange {
    responses: VecDeque<Result<Response, ExchangeError>>,
    /// The requests so far.
    pub(crate) requests: Vec<Request>,
    /// The time of each request.
    pub(crate) times: Vec<tokio::time::Instant>,
}

impl ScriptedExchange {
    pub(crate) fn new(responses: impl IntoIterator<Item = Response>) -> Self {
        Self { responses: responses.into_iter().map(Ok).collect(), ..Self::default() }
    }

    /// Appends a response to the script.
    pub(crate) fn then(&mut self, response: Result<Response, ExchangeError>) {
        self.responses.push_back(response);
    }

    pub(crate) fn response(status: u16, body: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    /// The requested URLs.
    pub(crate) fn urls(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.url.as_str()).collect()
    }

    /// How many responses of the script are unused.
    pub(crate) fn unused(&self) -> usize {
        self.responses.len()
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
        self.responses.pop_front().expect("a request beyond the end of the script")
    }
}
