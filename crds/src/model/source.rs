//! Where records come from.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::resource::source::{ConcurrencyPolicy, Emit, HttpMethod};
use crate::scalar::cron::Cron;
use crate::scalar::identifier::SecretName;
use crate::scalar::record_path::RecordPath;

/// Where records come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// When it fetches.
    pub cadence: Cadence,
    /// What it fetches from.
    pub kind: SourceKind,
    /// A new value runs the producer once, now.
    pub trigger_nonce: i64,
}

/// When a source fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// All the time, so often. The interval is not zero.
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
    /// When it comes due.
    pub cron: Cron,
    /// The time zone whose clocks count; it has a name in the IANA database.
    pub time_zone: TimeZone,
    /// What happens when a run is due while the last one still works.
    pub concurrency_policy: ConcurrencyPolicy,
    /// How late a run may still start.
    pub starting_deadline: Duration,
    /// How many finished runs are kept.
    pub successful_jobs_history_limit: u32,
    /// How many failed runs are kept.
    pub failed_jobs_history_limit: u32,
}

/// What a source fetches from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// An HTTP API.
    Http(Box<HttpSource>),
    /// Users made up on the spot.
    Generator(Generator),
}

/// An HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSource {
    /// The address, http or https, without user info or fragment; the query parameters of the spec are not in it.
    pub url: url::Url,
    /// The request method.
    pub method: HttpMethod,
    /// The body of a POST request.
    pub body: Option<String>,
    /// Query parameters to add.
    pub query: BTreeMap<String, String>,
    /// Request headers; the names are valid, lower-case and carry no credentials, the values are visible ASCII.
    pub headers: BTreeMap<String, String>,
    /// How long one exchange may take, from connecting to the last byte.
    pub timeout: Duration,
    /// The largest body that is read, in bytes after decompression.
    pub max_response_bytes: u64,
    /// Where the array of records is; `None`: the body is one record or an array.
    pub records_path: Option<RecordPath>,
    /// How more than one page is handed out.
    pub pagination: Pagination,
    /// Which responses become records.
    pub emit: Emit,
    /// How requests authenticate.
    pub auth: HttpAuth,
    /// The Secret with the certificate authorities to trust; `None`: the public ones.
    pub ca: Option<SecretName>,
    /// How often requests are sent at most.
    pub rate_limit: RateLimit,
    /// How failed requests are tried again.
    pub retry: Retry,
}

/// How an API hands out more than one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pagination {
    /// One request a run.
    None,
    /// A query parameter counts pages; an empty page is the last.
    Page {
        /// The query parameter.
        parameter: String,
        /// The number of the first page.
        first: u64,
        /// How many pages one run fetches at most.
        max_pages: NonZeroU32,
    },
    /// Each body names the next cursor.
    Cursor {
        /// The query parameter.
        parameter: String,
        /// Where the next cursor is in the body.
        path: RecordPath,
        /// How many pages one run fetches at most.
        max_pages: NonZeroU32,
    },
    /// The `Link` header names the next address.
    Link {
        /// How many pages one run fetches at most.
        max_pages: NonZeroU32,
    },
}

/// How requests to an HTTP API authenticate.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAuth {
    /// Not at all.
    None,
    /// With the keys `username` and `password` of the Secret.
    Basic(SecretName),
    /// With the key `token` of the Secret.
    Bearer(SecretName),
    /// With the key `apiKey` of the Secret.
    ApiKey {
        /// The Secret.
        secret: SecretName,
        /// Where the key goes.
        placement: ApiKeyPlacement,
    },
    /// With tokens that are fetched with the keys `clientId` and `clientSecret` of the Secret.
    OAuth2 {
        /// The Secret.
        secret: SecretName,
        /// The address that hands out tokens, http or https.
        token_url: url::Url,
        /// The scopes that are asked for.
        scopes: Vec<String>,
    },
}

/// Where an API key goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyPlacement {
    /// Into this request header, a valid name in lower case.
    Header(String),
    /// Into this query parameter.
    Query(String),
}

/// How often requests are sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests ...
    pub requests: NonZeroU32,
    /// ... in this time, which is not zero.
    pub per: Duration,
}

/// How failed requests are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many times a request is sent, the first time included.
    pub max_attempts: NonZeroU32,
    /// The pause before the second attempt, at most `max_backoff`.
    pub initial_backoff: Duration,
    /// The longest pause between two attempts.
    pub max_backoff: Duration,
}

/// Users made up on the spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Where the sequence of users begins.
    pub seed: i64,
    /// How many users one run makes.
    pub records_per_interval: NonZeroU32,
}
