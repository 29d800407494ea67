//! `spec.source`: where records come from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::quantity::ByteSize;
use crate::secret::SecretRef;

/// Where records come from and when they are fetched. Leave `source` out to process a topic that others fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceSpec {
    /// When to fetch. `Continuous` keeps a producer running that fetches every `interval`; `Scheduled` starts one at the
    /// times of `schedule.cron`. Default: Continuous.
    #[serde(default)]
    pub mode: SourceMode,
    /// When a `Scheduled` source runs. Not used by a `Continuous` one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    /// A new value runs the producer once, now, whatever the mode. Default: 0.
    #[serde(default)]
    pub trigger_nonce: i64,
    /// Fetch records from an HTTP API. Exactly one of `http` and `generator` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSpec>,
    /// Make up users in the shape of the randomuser.me API; needs no network. Exactly one of `http` and `generator` is
    /// set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSpec>,
}

/// When a source fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceMode {
    /// All the time, every `interval`: a Deployment.
    #[default]
    Continuous,
    /// At the times of a cron expression: a CronJob.
    Scheduled,
}

/// When a scheduled source runs. The fields are those of a Kubernetes CronJob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleSpec {
    /// When to run, in five fields (minute, hour, day of month, month, day of week) or as one of `@hourly`, `@daily`,
    /// `@weekly`, `@monthly`, `@yearly` or `@every 1h30m`. Write the time zone into `timeZone`, not as a `TZ=` prefix.
    #[schemars(length(min = 1, max = 128))]
    pub cron: String,
    /// The time zone of `cron`, a name of the IANA database such as Europe/Berlin. Default: Etc/UTC.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// What happens when a run is due while the last one still works: `Forbid` skips the new run, `Allow` starts it
    /// beside the old one, `Replace` stops the old one first. Default: Forbid.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,
    /// How many seconds late a run may still start; later than that it is left out. Default: 120.
    #[serde(default = "starting_deadline")]
    #[schemars(range(min = 10, max = 604_800))]
    pub starting_deadline_seconds: i64,
    /// How many finished runs are kept to look at. Default: 3.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub successful_jobs_history_limit: i32,
    /// How many failed runs are kept to look at. Default: 3.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 0, max = 100))]
    pub failed_jobs_history_limit: i32,
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}

fn starting_deadline() -> i64 {
    120
}

fn history_limit() -> i32 {
    3
}

/// What happens when a run is due while the last one still works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// The new run starts beside the old one.
    Allow,
    /// The new run is skipped.
    #[default]
    Forbid,
    /// The old run is stopped first.
    Replace,
}

/// Fetches records from an HTTP API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpSpec {
    /// The address to fetch, `http://` or `https://`. No user name or password in it: use `auth`.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// The request method. Default: GET.
    #[serde(default)]
    pub method: HttpMethod,
    /// The body of a POST request, sent as it is. Set its `Content-Type` in `headers`; the default is application/json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub body: Option<String>,
    /// Query parameters that are added to the URL. Values are text: quote numbers. Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    pub query: BTreeMap<String, String>,
    /// Request headers. Credentials do not belong here, where everyone who may read the pipeline sees them: use `auth`.
    /// Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    pub headers: BTreeMap<String, String>,
    /// The time between two runs of a `Continuous` source, for example 10s. Not used by a `Scheduled` one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// How long one exchange may take, from the start of connecting to the last byte of the body. Default: 5s.
    #[serde(default = "http_timeout")]
    pub timeout: GoDuration,
    /// The largest body that is read, in bytes after decompression. A larger one fails the run. Default: 16Mi.
    #[serde(default = "max_response_bytes")]
    pub max_response_bytes: ByteSize,
    /// The dot path to the array of records in the body, for example `results`. Default: the body is itself one record
    /// or an array of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub records_path: Option<String>,
    /// How the API hands out more than one page. Default: type None.
    #[serde(default)]
    pub pagination: PaginationSpec,
    /// Which responses become records: `All`, or only those that `Changed` since the last one, for APIs that hand out the
    /// same state again and again. Default: All.
    #[serde(default)]
    pub emit: Emit,
    /// How requests authenticate. Default: type None.
    #[serde(default)]
    pub auth: AuthSpec,
    /// Whom an `https://` address is trusted by. Default: the public certificate authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TrustSpec>,
    /// How often requests are sent at most. Default: 1 request per 1s.
    #[serde(default)]
    pub rate_limit: RateLimitSpec,
    /// How failed requests are tried again. Default: 8 attempts, 500ms to 30s apart.
    #[serde(default)]
    pub retry: RetrySpec,
}

fn http_timeout() -> GoDuration {
    GoDuration::from_secs(5)
}

fn max_response_bytes() -> ByteSize {
    ByteSize::mebibytes(16)
}

/// The request method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpMethod {
    /// Fetch with the query alone.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// Fetch with a body, as search APIs want it.
    #[serde(rename = "POST")]
    Post,
}

/// How the API hands out more than one page. A run walks pages until the source ends or `maxPages`; the position is saved
/// once the records are acknowledged by Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PaginationSpec {
    /// `None`: one request a run. `Page`: a query parameter counts pages, and an empty page is the last. `Cursor`: each
    /// body names the next cursor. `Link`: the `Link` header names the next address (RFC 8288, rel="next"). A finished
    /// walk starts again at the first page for Page and Link; Cursor keeps the last cursor. Default: None.
    #[serde(rename = "type")]
    pub kind: PaginationType,
    /// The query parameter that carries the page number or the cursor. Needed by Page and Cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub parameter: Option<String>,
    /// The number of the first page, for Page. Default: 1.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub first: i64,
    /// The dot path to the next cursor in the body, for Cursor. Absent, null or empty there means the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub path: Option<String>,
    /// How many pages one run fetches at most. Default: 100.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_pages: i32,
}

impl Default for PaginationSpec {
    fn default() -> Self {
        Self { kind: PaginationType::None, parameter: None, first: 1, path: None, max_pages: 100 }
    }
}

/// The kinds of pagination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaginationType {
    /// One request a run.
    #[default]
    None,
    /// A query parameter counts pages.
    Page,
    /// Each body names the next cursor.
    Cursor,
    /// The `Link` header names the next address.
    Link,
}

/// Which responses become records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Emit {
    /// Every response.
    #[default]
    All,
    /// Only a response that differs from the one before.
    Changed,
}

/// How requests authenticate. Secrets are read from mounted files and followed when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthSpec {
    /// `None`; `Basic` (Secret keys `username` and `password`); `Bearer` (key `token`); `ApiKey` (key `apiKey`, sent in
    /// `header` or `queryParameter`); `OAuth2`, the client credentials grant (keys `clientId` and `clientSecret`).
    /// Default: None.
    #[serde(rename = "type")]
    pub kind: AuthType,
    /// The Secret with the credentials. Needed by every type but None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The request header that carries the key, for ApiKey. Exactly one of `header` and `queryParameter` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub header: Option<String>,
    /// The query parameter that carries the key, for ApiKey. Exactly one of `header` and `queryParameter` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub query_parameter: Option<String>,
    /// The address that hands out tokens, for OAuth2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub token_url: Option<String>,
    /// The scopes that are asked for, for OAuth2. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    pub scopes: Vec<String>,
}

/// The kinds of authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthType {
    /// Requests carry no credentials.
    #[default]
    None,
    /// RFC 7617: a user name and a password.
    Basic,
    /// RFC 6750: a token.
    Bearer,
    /// A key in a header or a query parameter.
    ApiKey,
    /// RFC 6749, client credentials grant: tokens are fetched and renewed.
    OAuth2,
}

/// Whom a TLS server is trusted by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustSpec {
    /// The Secret with the PEM bundle of certificate authorities under the key `ca.crt`, which are then the only ones
    /// trusted. Default: the public certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
}

/// How often requests are sent at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimitSpec {
    /// How many requests are sent in `per`. Default: 1.
    #[schemars(range(min = 1, max = 100_000))]
    pub requests: i32,
    /// The time in which `requests` are sent. Default: 1s.
    pub per: GoDuration,
}

impl Default for RateLimitSpec {
    fn default() -> Self {
        Self { requests: 1, per: GoDuration::from_secs(1) }
    }
}

/// How failed requests are tried again: timeouts, broken connections, and the statuses 408, 425, 429 and 5xx, with
/// exponential backoff and jitter. A `Retry-After` header is honoured, up to `maxBackoff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetrySpec {
    /// How many times a request is sent before the run fails, the first time included. Default: 8.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: i32,
    /// The pause before the second attempt; it doubles from there. Default: 500ms.
    pub initial_backoff: GoDuration,
    /// The longest pause between two attempts. Default: 30s.
    pub max_backoff: GoDuration,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            initial_backoff: GoDuration::from_millis(500),
            max_backoff: GoDuration::from_secs(30),
        }
    }
}

/// Makes up users in the shape of the randomuser.me API. The same seed gives the same users in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneratorSpec {
    /// Where the sequence of users begins. Default: 1.
    pub seed: i64,
    /// How many users are made each interval, or in one scheduled run. Default: 50.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub records_per_interval: i32,
    /// The time between two batches of users. Default: 1s.
    pub interval: GoDuration,
}

impl Default for GeneratorSpec {
    fn default() -> Self {
        Self { seed: 1, records_per_interval: 50, interval: GoDuration::from_secs(1) }
    }
}
