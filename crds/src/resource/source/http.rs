//! `spec.source.http`: an HTTP API.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::secret::SecretRef;
use crate::rules;
use crate::scalar::byte_size::ByteSize;
use crate::scalar::duration::GoDuration;

use super::auth::AuthSpec;
use super::pagination::PaginationSpec;

/// Fetches records from an HTTP API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::BODY_NEEDS_POST, "!has(self.body) || self.method == 'POST'"),
    rules::cel(
        &rules::PARAMETER_NOT_IN_QUERY,
        "(!(self.pagination.type in ['Page', 'Cursor']) || !has(self.pagination.parameter) \
         || !(self.pagination.parameter in self.query)) \
         && (self.auth.type != 'ApiKey' || !has(self.auth.queryParameter) || has(self.auth.header) \
         || !has(self.auth.secretRef) || !(self.auth.queryParameter in self.query))",
    ),
]))]
pub struct HttpSpec {
    /// The URL to fetch, `http://` or `https://`, without a user name or password: use `auth`. In a cluster, private
    /// addresses need the operator's `allowedPrivateRanges`.
    #[schemars(length(min = 1, max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::URL, "self.matches('^(http|https|HTTP|HTTPS)://[^/@#?]+([/?][^#]*)?$')"),
    ]))]
    pub url: String,
    /// The request method. Default: GET.
    #[serde(default)]
    pub method: HttpMethod,
    /// The body of a POST request. Set its `Content-Type` in `headers` unless it is application/json. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub body: Option<String>,
    /// Query parameters to add to the URL. Values are text: quote numbers. Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 2048}))]
    pub query: BTreeMap<String, String>,
    /// Request headers, without credentials, which everyone who can read the pipeline would see: use `auth`. Headers of
    /// the connection or the length, such as `Host`, are refused. Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 4096}))]
    pub headers: BTreeMap<String, String>,
    /// The time from the start of one run of a `Continuous` source to the start of the next, for example 10s. A longer
    /// run delays the next one. A `Scheduled` source does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub interval: Option<GoDuration>,
    /// The longest time of a request, from connecting to the last byte of the response. Default: 5s.
    #[serde(default = "http_timeout")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub timeout: GoDuration,
    /// The largest response body, before and after decompression, from 1 byte to 1Gi. A larger one fails the run.
    /// Default: 16Mi.
    #[serde(default = "max_response_bytes")]
    pub max_response_bytes: ByteSize,
    /// The dot path of the array of records in the body, for example `results`. Default: the body is one record or an
    /// array of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub records_path: Option<String>,
    /// How the API paginates. Default: type None.
    #[serde(default)]
    pub pagination: PaginationSpec,
    /// Which pages become records: `All`, or only a page that `Changed` since it was last fetched, for APIs that return a
    /// state rather than events. Pages beyond the first 2000 always count as changed. Default: All.
    #[serde(default)]
    pub emit: Emit,
    /// How requests authenticate. Default: type None.
    #[serde(default)]
    pub auth: AuthSpec,
    /// The certificate authorities that are trusted for `https://`. Default: the public certificate authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TrustSpec>,
    /// The most requests in a time, retries and redirects included. Default: 1 request per 1s.
    #[serde(default)]
    pub rate_limit: RateLimitSpec,
    /// How failed requests are retried. Default: 8 attempts, 500ms to 30s apart.
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
    /// Without a body.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// With a body, as search APIs require.
    #[serde(rename = "POST")]
    Post,
}

/// Which pages become records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Emit {
    /// Every page.
    #[default]
    All,
    /// Only a page whose body differs from the last time.
    Changed,
}

/// The certificate authorities that are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustSpec {
    /// The Secret with a PEM bundle of certificate authorities under the key `ca.crt`; no others are trusted then.
    /// Default: the public certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
}

/// The most requests in a time, retries and redirects included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimitSpec {
    /// The most requests in `per`. Default: 1.
    #[schemars(range(min = 1, max = 100_000))]
    pub requests: i32,
    /// The time for `requests`. Default: 1s.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub per: GoDuration,
}

impl Default for RateLimitSpec {
    fn default() -> Self {
        Self { requests: 1, per: GoDuration::from_secs(1) }
    }
}

/// How failed requests are retried: timeouts, broken connections, and the statuses 408, 425, 429 and 5xx, with
/// exponential backoff and jitter. A `Retry-After` header is honoured, up to `maxBackoff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::BACKOFF_ORDER, "duration(self.initialBackoff) <= duration(self.maxBackoff)"),
]))]
pub struct RetrySpec {
    /// The most attempts at a request, the first one included. Then the run fails. Default: 8.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: i32,
    /// The pause before the second attempt. It doubles from there. Default: 500ms.
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
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
