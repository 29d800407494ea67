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
    /// The address to fetch, `http://` or `https://`. No user name or password in it: use `auth`.
    #[schemars(length(min = 1, max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = [
        rules::cel(&rules::URL, "self.matches('^(http|https|HTTP|HTTPS)://[^/@#?]+([/?][^#]*)?$')"),
    ]))]
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
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 2048}))]
    pub query: BTreeMap<String, String>,
    /// Request headers. Credentials do not belong here, where everyone who may read the pipeline sees them: use `auth`.
    /// Default: none.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 4096}))]
    pub headers: BTreeMap<String, String>,
    /// The time between two runs of a `Continuous` source, for example 10s. Not used by a `Scheduled` one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
    pub interval: Option<GoDuration>,
    /// How long one exchange may take, from the start of connecting to the last byte of the body. Default: 5s.
    #[serde(default = "http_timeout")]
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
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

/// Which responses become records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Emit {
    /// Every response.
    #[default]
    All,
    /// Only a response that differs from the one before.
    Changed,
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
    #[schemars(extend("x-kubernetes-validations" = [rules::positive_duration()]))]
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
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::BACKOFF_ORDER, "duration(self.initialBackoff) <= duration(self.maxBackoff)"),
]))]
pub struct RetrySpec {
    /// How many times a request is sent before the run fails, the first time included. Default: 8.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: i32,
    /// The pause before the second attempt; it doubles from there. Default: 500ms.
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
