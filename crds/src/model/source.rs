//! The source of records.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::resource::source::{ConcurrencyPolicy, Emit, HttpMethod};
use crate::scalar::cron::Cron;
use crate::scalar::identifier::SecretName;
use crate::scalar::record_path::RecordPath;

/// The source of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// When it fetches.
    pub cadence: Cadence,
    /// What it fetches from.
    pub kind: SourceKind,
    /// A greater value than before runs the producer once, now.
    pub trigger_nonce: i64,
}

/// When a source fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// At every interval, which is not zero.
    Continuous {
        /// The time from the start of one run to the start of the next.
        interval: Duration,
    },
    /// At the times of a schedule, one run each.
    Scheduled(Schedule),
}

/// When a scheduled source runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The times of its runs.
    pub cron: Cron,
    /// The time zone of `cron`. It has a name in the IANA database.
    pub time_zone: TimeZone,
    /// What happens when a run is due while the last one is in progress.
    pub concurrency_policy: ConcurrencyPolicy,
    /// How late a run may start.
    pub starting_deadline: Duration,
    /// The number of successful runs whose Jobs are kept.
    pub successful_jobs_history_limit: u32,
    /// The number of failed runs whose Jobs are kept.
    pub failed_jobs_history_limit: u32,
}

/// What a source fetches from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// An HTTP API.
    Http(Box<HttpSource>),
    /// Synthetic users.
    Generator(Generator),
}

/// An HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSource {
    /// The URL, http or https, without user info or fragment. It does not contain `query`.
    pub url: url::Url,
    /// The request method.
    pub method: HttpMethod,
    /// The body of a POST request.
    pub body: Option<String>,
    /// Query parameters to add.
    pub query: BTreeMap<String, String>,
    /// Request headers. The names are valid, in lower case and none of those for credentials; the values are visible
    /// ASCII.
    pub headers: BTreeMap<String, String>,
    /// The longest time of a request, from connecting to the last byte of the response.
    pub timeout: Duration,
    /// The largest response body in bytes, before and after decompression.
    pub max_response_bytes: u64,
    /// The path of the array of records; `None`: the body is one record or an array of records.
    pub records_path: Option<RecordPath>,
    /// How the API paginates.
    pub pagination: Pagination,
    /// Which pages become records.
    pub emit: Emit,
    /// How requests authenticate.
    pub auth: HttpAuth,
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
    /// The most requests in a time.
    pub rate_limit: RateLimit,
    /// How failed requests are retried.
    pub retry: Retry,
}

/// How an API paginates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pagination {
    /// One request a run.
    None,
    /// A query parameter counts pages. A page that is empty, or after the first answers 404, is the last.
    Page {
        /// The query parameter.
        parameter: String,
        /// The number of the first page.
        first: u64,
        /// The most pages of one run.
        max_pages: NonZeroU32,
    },
    /// Each body has the next cursor.
    Cursor {
        /// The query parameter.
        parameter: String,
        /// The path of the next cursor in the body.
        path: RecordPath,
        /// The most pages of one run.
        max_pages: NonZeroU32,
    },
    /// The `Link` header has the next URL.
    Link {
        /// The most pages of one run.
        max_pages: NonZeroU32,
    },
}

/// How requests to an HTTP API authenticate.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAuth {
    /// They do not.
    None,
    /// With the keys `username` and `password` of the Secret.
    Basic(SecretName),
    /// With the key `token` of the Secret.
    Bearer(SecretName),
    /// With the key `apiKey` of the Secret.
    ApiKey {
        /// The Secret.
        secret: SecretName,
        /// The place of the key in a request.
        placement: ApiKeyPlacement,
    },
    /// With tokens, fetched with the keys `clientId` and `clientSecret` of the Secret.
    OAuth2 {
        /// The Secret.
        secret: SecretName,
        /// The URL of the token endpoint, http or https.
        token_url: url::Url,
        /// The requested OAuth scopes.
        scopes: Vec<String>,
    },
}

/// The place of an API key in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyPlacement {
    /// This request header, a valid name in lower case.
    Header(String),
    /// This query parameter.
    Query(String),
}

/// The most requests in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The number of requests.
    pub requests: NonZeroU32,
    /// The time, which is not zero.
    pub per: Duration,
}

/// How failed requests are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The most attempts at a request, the first one included.
    pub max_attempts: NonZeroU32,
    /// The pause before the second attempt, at most `max_backoff`.
    pub initial_backoff: Duration,
    /// The longest pause between two attempts.
    pub max_backoff: Duration,
}

/// Synthetic users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// The seed of the sequence of users.
    pub seed: i64,
    /// The number of users of a run.
    pub records_per_interval: NonZeroU32,
}
